"""Aggregates: exact totals of transactions, over Arrow tables and nothing else.

``totals`` counts and sums by account or counterparty, by hour, by day or over everything.
"""
