"""An auditor's two commands, where the audit meets Cassandra, the rule files and a terminal.

===========  ==================================================================================
``verify``   ``make verify-audit``: is everything as it was recorded
``replay``   ``make replay-decision TRANSACTION=<id>``: recompute one decision
``stores``   how both reach Cassandra
===========  ==================================================================================
"""
