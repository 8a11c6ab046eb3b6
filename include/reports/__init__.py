"""What a run tells of itself: checks with their bounds, charts and pages, the summary of a demo.

===============  ==================================================================================
``checks``       a value, what it must be, what it aims at, and whether that holds
``charts``       curves in a box, as numbers and pixels
``pages``        charts as SVG and pages of HTML, one look for all of them
``table``        checks and counts as tables on a terminal
``demo``         the record behind ``reports/demo.json``
===============  ==================================================================================
"""
