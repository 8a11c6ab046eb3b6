"""Suppressions on Cassandra: one small partition, read whole."""

from __future__ import annotations

from typing import Any

from cassandra.cluster import Session

from include.cases.suppressions import Scope, Suppression
from include.stores.cassandra.clock import join, join_optional, split, split_optional
from include.stores.cassandra.durability import wait_until_durable
from include.stores.cassandra.statements import execute, insert_into, prepare

_SLOT = 0
_COLUMNS = (
    "slot", "suppression_id", "scope", "value", "reason", "author", "created_at", "created_at_us", "until", "until_us",
    "lifted_at", "lifted_at_us", "lifted_by",
)  # fmt: skip
_ALL = f"SELECT {', '.join(_COLUMNS[1:])} FROM suppressions WHERE slot = ?"  # noqa: S608 (constants)


class CassandraSuppressionStore:
    """``SuppressionStore`` on ``suppressions``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, suppression: Suppression) -> None:
        """Add or replace one. Idempotent by its id."""
        one = suppression
        values = (
            _SLOT, one.suppression_id, one.scope.value, one.value, one.reason, one.author, *split(one.created_at),
            *split(one.until), *split_optional(one.lifted_at), one.lifted_by,
        )  # fmt: skip
        execute(self._session, insert_into(self._session, "suppressions", _COLUMNS), values, "suppressing")
        wait_until_durable(self._session)

    def all(self) -> list[Suppression]:
        """All that are kept, the newest first."""
        rows = execute(self._session, prepare(self._session, _ALL), (_SLOT,), "reading suppressions")
        found = map(_suppression, rows)
        return sorted(found, key=lambda one: (one.created_at, str(one.suppression_id)), reverse=True)


def _suppression(row: Any) -> Suppression:
    (
        identity,
        scope,
        value,
        reason,
        author,
        created,
        created_us,
        until,
        until_us,
        lifted,
        lifted_us,
        lifted_by,
    ) = row
    return Suppression(
        identity,
        Scope(scope),
        value,
        reason,
        author,
        join(created, created_us),
        join(until, until_us),
        join_optional(lifted, lifted_us),
        lifted_by,
    )
