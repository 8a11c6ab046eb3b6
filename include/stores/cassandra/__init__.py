"""Cassandra adapters of the store ports."""
