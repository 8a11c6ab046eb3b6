"""Transactions: the event contract, its producer, the simulator and the importer."""
