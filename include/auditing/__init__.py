"""An auditor's three commands, where the audit meets Cassandra, the rule files and a terminal.

===========  ==================================================================================
``verify``   ``make verify-audit``: is everything as it was recorded
``replay``   ``make replay-decision TRANSACTION=<id>``: recompute one decision
``trace``    ``make trace TRANSACTION=<id>``: follow one record from the broker to its messages
``stores``   how they reach Cassandra
===========  ==================================================================================
"""
