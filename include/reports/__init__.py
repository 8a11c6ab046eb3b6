"""What a run tells of itself: checks with their bounds, the summary of a demo.

===============  ==================================================================================
``checks``       a value, what it must be, what it aims at, and whether that holds
``table``        checks and counts as tables on a terminal
``demo``         the record behind ``reports/demo.json``
===============  ==================================================================================
"""
