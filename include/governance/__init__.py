"""Governance: what decides about transactions changes only by named steps that leave a record.

========================  =====================================================================
``errors``                everything that can go wrong with rules and lists, and the words for it
``shares``                which accounts belong to a share of all
``lists``                 blocked and trusted accounts, counterparties, countries and devices
``rule_entry``            the records: a rule in a set, an activation of a set
``active_rules``          the rules in force, on a table
``rule_book``             ``RuleBook``: the sets of rules in the lake, and which of them is in force
``rule_life``             draft → back-test → shadow → approval → live → retired
``rule_steps``            those steps and the book together
``shadow``                what rules in the shadow stage would have hit
``incidents``             what goes wrong without stopping anything
``audit``                 chains of numbered records, each with the hash of the one before
``audit_record``          one record, and the one way it is written down
``decisions``             the seal of a scored batch: hashes of its files, its versions and configuration
``seal_check``            a batch held against its seal
``stored_models``         model files and promotions held against their manifests
``verify``                all of it, and what a second store holds
========================  =====================================================================
"""
