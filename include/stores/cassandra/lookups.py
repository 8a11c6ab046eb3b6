"""Point reads by the hundred: IN queries of keys that live together, several in flight.

One query a key costs a round trip each (1.5 k keys/s); an IN query of 150 keys serves 30–70 k keys/s.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from cassandra.cluster import Session

from include.stores.cassandra.replicas import by_replica, in_chunks
from include.stores.cassandra.statements import execute_many, prepare

KEYS_A_QUERY = 150
IN_FLIGHT = 8


def by_text_keys(
    session: Session, cql: str, keys: Sequence[str], rest: Sequence[Any] = (), doing: str = "reading rows"
) -> list[tuple[Any, ...]]:
    """Rows of every text key, in no order.

    Parameters
    ----------
    cql
        A SELECT whose first bind marker is the ``IN ?`` of a text partition key.
    rest
        Values of the further markers.
    """
    return _by_keys(session, cql, keys, [key.encode() for key in keys], rest, doing)


def by_uuid_keys(
    session: Session,
    cql: str,
    keys: Sequence[uuid.UUID],
    rest: Sequence[Any] = (),
    doing: str = "reading rows",
) -> list[tuple[Any, ...]]:
    """Rows of every uuid key; see ``by_text_keys``."""
    return _by_keys(session, cql, keys, [key.bytes for key in keys], rest, doing)


def newest_before(
    session: Session, table: str, key_column: str, columns: Sequence[str], keys: Sequence[str], before: int
) -> list[tuple[Any, ...]]:
    """Per key, (key, *columns) of the newest row with ``batch_id`` < ``before``.

    The table must be clustered by ``batch_id`` descending; ``table`` and columns are the caller's
    constants, never input.
    """
    cql = (
        f"SELECT {key_column}, {', '.join(columns)} FROM {table} "  # noqa: S608 (constants of the callers)
        f"WHERE {key_column} IN ? AND batch_id < ? PER PARTITION LIMIT 1"
    )
    return by_text_keys(session, cql, keys, (before,), f"reading {table}")


def _by_keys(
    session: Session, cql: str, keys: Sequence[Any], routing: Sequence[bytes], rest: Sequence[Any], doing: str
) -> list[tuple[Any, ...]]:
    statement = prepare(session, cql)
    calls = [
        (statement, (list(chunk), *rest))
        for group in by_replica(session, keys, routing)
        for chunk in in_chunks(group, KEYS_A_QUERY)
    ]
    return [row for rows in execute_many(session, calls, doing, IN_FLIGHT) for row in rows]
