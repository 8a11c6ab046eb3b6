"""Transactions: the event contract, its producer, the simulator and the importer.

==================  ===============================================================================
``schema``          Arrow schemas of a transaction on its way
``contract``        the event contract as data: limits, patterns, the text of every refusal reason
``iso_codes``       ISO 4217 currencies and ISO 3166-1 countries
``validation``      the reference validator of one Kafka record; Spark's expressions must agree with it
``labels``          the fraud-label event: record, validation, encoding
``encoding``        Arrow table → (key, value) bytes, column by column
``rate``            token bucket
``topics``          the Kafka topics and their settings (adapter: uses confluent-kafka)
``producer``        sends transactions and labels (adapter: uses confluent-kafka)
``dead_letter``     a refused record as its topic has it; ``dead_letter_box`` reads them (adapter)
``resending``       dead letters, corrected and sent again, each at most once
``simulator``       a seeded bank with habits, fraud typologies and look-alikes
``importer``        historical files, by a YAML mapping from ``mappings/``, pseudonymised
``errors``          what this package raises
==================  ===============================================================================

The adapters are named in ``tests/test_architecture.py``; everything else is free of drivers.
"""
