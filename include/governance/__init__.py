"""Governance: who did what, and what every decision was made from.

=================  ==================================================================================
``audit``          chains of numbered records, each with the hash of the one before
``audit_record``   one record, and the one way it is written down; ``audit_errors`` what can go wrong
``chain_check``    what is wrong with a chain
``decisions``      the seal of a scored batch: hashes of its files, its versions and configuration
``seal_check``     a batch held against its seal
``stored_models``  model files and promotions held against their manifests
``verify``         all of it, and what a second store holds
=================  ==================================================================================
"""
