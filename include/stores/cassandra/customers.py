"""The customer store: who the customers are, and where and when they may be told of alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from typing import Any

from cassandra.cluster import Session

from include.alerts.contacts import Customer
from include.stores.cassandra.batches import bind_rows, write_rows
from include.stores.cassandra.clock import join, microseconds, split
from include.stores.cassandra.durability import wait_until_durable
from include.stores.cassandra.lookups import by_text_keys
from include.stores.cassandra.statements import prepare

_PLAIN = ("customer_id", "segment", "language", "email", "phone", "consent_email", "consent_sms", "timezone")
_QUIET = ("quiet_from", "quiet_until")
_COLUMNS = (*_PLAIN, *_QUIET, "updated_at", "updated_at_us")
_INSERT = (
    f"INSERT INTO customers ({', '.join(_COLUMNS)}) "  # noqa: S608 (constants)
    f"VALUES ({', '.join('?' for _ in _COLUMNS)}) USING TIMESTAMP ?"
)
_READ = f"SELECT {', '.join(_COLUMNS)} FROM customers WHERE customer_id IN ?"  # noqa: S608 (constants)


class CassandraCustomerStore:
    """``CustomerStore`` on ``customers``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, customers: Sequence[Customer]) -> None:
        """Record customers. Idempotent: a row keeps the record that was updated last, by its own word.

        What a record leaves out is written as null, as the record before may have had it.
        """
        statement = prepare(self._session, _INSERT)
        write_rows(self._session, statement, bind_rows(statement, [_row(one) for one in customers]))
        wait_until_durable(self._session)

    def get_many(self, customer_ids: Sequence[str]) -> dict[str, Customer]:
        """Customers by id; those not stored are left out."""
        distinct = list(dict.fromkeys(customer_ids))
        rows = by_text_keys(self._session, _READ, distinct, doing="reading customers")
        return {row[0]: _customer(row) for row in rows}


def _row(customer: Customer) -> list[Any]:
    values = [getattr(customer, name) for name in (*_PLAIN, *_QUIET)]
    return [*values, *split(customer.updated_at), microseconds(customer.updated_at)]


def _customer(row: Sequence[Any]) -> Customer:
    values = dict(zip(_COLUMNS, row, strict=True))
    updated_at = join(values.pop("updated_at"), values.pop("updated_at_us"))
    quiet: dict[str, time | None] = {
        name: None if values[name] is None else values.pop(name).time() for name in _QUIET
    }
    return Customer(**values | quiet, updated_at=updated_at)
