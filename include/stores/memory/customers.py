"""Customers in memory: for tests and runs without Cassandra."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from include.alerts.contacts import Customer


class MemoryCustomerStore:
    """Customers by id; of two records the one updated later stands, so putting one again changes nothing."""

    def __init__(self, customers: Iterable[Customer] = ()) -> None:
        self._customers: dict[str, Customer] = {}
        self.put(list(customers))

    def put(self, customers: Sequence[Customer]) -> None:
        """Record customers; one with an older ``updated_at`` than the record there changes nothing."""
        for customer in customers:
            known = self._customers.get(customer.customer_id)
            if known is None or known.updated_at <= customer.updated_at:
                self._customers[customer.customer_id] = customer

    def get_many(self, customer_ids: Sequence[str]) -> dict[str, Customer]:
        """Customers by id; those not stored are left out."""
        return {key: self._customers[key] for key in customer_ids if key in self._customers}
