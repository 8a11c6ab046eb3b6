"""Rules: SQL boolean expressions in files, checked when loaded, evaluated on Arrow tables by DuckDB.

A rule is one file ``include/sql/rules/<id>.sql``: a comment header and one expression over the columns
of a transaction and its features. Nothing that is not a plain expression gets past the loader.

========================  =====================================================================
``errors``                everything that can go wrong, and the words for it
``rule``                  the records: a rule, its thresholds, a hit
``columns``               which columns a rule may name, with their types
``header``                reads the comment header of a rule file
``expression``            parses the expression and refuses what is not on the allow list
``binding``               checks types, with DuckDB as the judge
``thresholds``            which column is held against which number
``loader``                ``load_rules``: a directory → a ``RuleSet``, or all problems at once
``ruleset``               ``RuleSet.evaluate``: a table → the hits of each row
``engine``                the locked-down DuckDB connection of each thread
``reasons``               a hit in words, with its evidence
========================  =====================================================================
"""
