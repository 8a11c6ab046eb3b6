"""Governance: what decides about transactions changes only by named steps that leave a record.

========================  =====================================================================
``errors``                everything that can go wrong, and the words for it
``shares``                which accounts belong to a share of all
``lists``                 blocked and trusted accounts, counterparties, countries and devices
``rule_entry``            the records: a rule in a set, an activation of a set
``active_rules``          the rules in force, on a table
``rule_book``             ``RuleBook``: the sets of rules in the lake, and which of them is in force
``rule_life``             draft → back-test → shadow → approval → live → retired
``rule_steps``            those steps and the book together
``shadow``                what rules in the shadow stage would have hit
``incidents``             what goes wrong without stopping anything
``audit``                 who did what, when
========================  =====================================================================
"""
