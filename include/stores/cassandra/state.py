"""The state store: one version a key and batch, read by the hundred."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cassandra.cluster import Session

from include.stores.cassandra.batches import write_rows
from include.stores.cassandra.durability import wait_until_durable
from include.stores.cassandra.encoding import bigint
from include.stores.cassandra.errors import UnknownKind
from include.stores.cassandra.lookups import newest_before
from include.stores.cassandra.statements import prepare

TABLES = {"account": "account_state", "counterparty": "counterparty_state"}


class CassandraStateStore:
    """``StateStore`` on ``account_state`` and ``counterparty_state``.

    Versions are swept by a TTL longer than the longest window; ``prune`` sweeps those of busy keys
    earlier.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def read(self, kind: str, keys: Sequence[str], before_batch: int) -> dict[str, bytes]:
        """Newest state of each key written by a batch < ``before_batch``."""
        table = _table(kind)
        rows = newest_before(self._session, table, f"{kind}_id", ("state",), keys, before_batch)
        return {row[0]: row[1] for row in rows}

    def write(self, kind: str, states: Mapping[str, bytes], batch: int) -> None:
        """Write versions. Idempotent: (key, batch) is the primary key, so a second try overwrites."""
        statement = prepare(
            self._session,
            f"INSERT INTO {_table(kind)} ({kind}_id, batch_id, state) VALUES (?, ?, ?)",  # noqa: S608 (from TABLES)
        )
        version = bigint(batch)
        write_rows(
            self._session, statement, [(key.encode(), version, state) for key, state in states.items()]
        )
        wait_until_durable(self._session)

    def prune(self, kind: str, keys: Sequence[str], batch: int) -> None:
        """Drop the versions older than ``batch`` of keys that have a version ``batch``.

        To be called with the keys of a batch so old that none before it will be done again; without
        it a busy account holds one version a batch until the TTL. Idempotent: it deletes a fixed range.
        """
        statement = prepare(
            self._session,
            f"DELETE FROM {_table(kind)} WHERE {kind}_id = ? AND batch_id < ?",  # noqa: S608 (from TABLES)
        )
        version = bigint(batch)
        write_rows(self._session, statement, [(key.encode(), version) for key in keys])


def _table(kind: str) -> str:
    if kind not in TABLES:
        raise UnknownKind(f"expected a kind among {sorted(TABLES)}; came {kind!r}: correct the caller")
    return TABLES[kind]
