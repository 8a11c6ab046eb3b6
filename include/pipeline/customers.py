"""Fills the customer store: from a bank's file, or with invented customers of simulated accounts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from include.alerts.contacts import simulated_customers
from include.alerts.customer_file import BadRow, read_customers
from include.stores.ports import CustomerStore


def load_customers(path: Path, store: CustomerStore) -> tuple[int, tuple[BadRow, ...]]:
    """Put the good rows of a file into the store.

    Idempotent where rows have their own ``updated_at``; a row without one stands as of now.

    Returns
    -------
    int
        Customers put.
    tuple of BadRow
        Every row that was left out, with the reason.

    Raises
    ------
    CustomerError
        The file cannot be read, or lacks a column: nothing is put.
    """
    found = read_customers(path)
    store.put(found.customers)
    return len(found.customers), found.bad


def add_simulated(customer_ids: Sequence[str], store: CustomerStore) -> int:
    """Put an invented customer for every id the store does not know; return how many.

    Idempotent: they are always the same, and one that is there, invented or not, is left alone.
    """
    distinct = list(dict.fromkeys(customer_ids))
    known = store.get_many(distinct)
    new = list(simulated_customers(key for key in distinct if key not in known))
    if new:
        store.put(new)
    return len(new)
