"""Governance: what decides about transactions changes only by named steps that leave a record.

========================  =====================================================================
``errors``                everything that can go wrong, and the words for it
``shares``                which accounts belong to a share of all
``lists``                 the list book: blocked and trusted accounts, counterparties, countries, devices
``list_entries``          the entries of the lists, and what they say of transactions
``rule_book``             ``RuleBook``: the sets of rules in the lake, and which of them is in force
``rule_entry``            the records: a rule in a set, an activation of a set
``active_rules``          the rules in force, on a table
``rule_life``             draft → back-test → shadow → approval → live → retired
``rule_steps``            those steps and the book together
``shadow``                which batches a rule in the shadow stage has seen
``incidents``             what goes wrong without stopping anything
``audit``                 who did what, when: chained records; ``audit_record``, ``audit_errors``, ``chain_check``
``verify``                chains, sealed files and models against each other; ``seal_check``, ``stored_models``
``decisions``             the seal of a scored batch: hashes of its files, and what decided
========================  =====================================================================
"""
