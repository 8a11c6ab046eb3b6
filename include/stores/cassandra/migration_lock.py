"""The lock between migrators: a row with an expiry, taken and given up by compare-and-set."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from cassandra import ConsistencyLevel
from cassandra.cluster import Session
from cassandra.query import SimpleStatement

from include.stores.cassandra.errors import CassandraStoreError, MigrationLocked
from include.stores.cassandra.statements import execute

LEASE_SECONDS = 60
POLL_SECONDS = 0.2


@contextmanager
def migration_lock(session: Session, keyspace: str, wait_seconds: float) -> Iterator[Callable[[], None]]:
    """Hold the lock of a keyspace; yields a function that renews it and is to be called between steps.

    A migrator that dies frees the lock after ``LEASE_SECONDS``.

    Raises
    ------
    MigrationLocked
        When it cannot be had within ``wait_seconds``, or was lost when it had to be renewed.
    """
    owner = str(uuid.uuid4())
    table = f"{keyspace}.schema_lock"
    _acquire(session, table, owner, wait_seconds)

    def renew() -> None:
        cql = (
            f"UPDATE {table} USING TTL {LEASE_SECONDS} SET owner = %s WHERE name = 'migrations' IF owner = %s"  # noqa: S608 (checked name)
        )
        if not _compare_and_set(session, cql, (owner, owner))[0]:
            raise MigrationLocked(
                f"expected to hold the lock of {keyspace} still; it has expired: Cassandra was too slow "
                f"for a lease of {LEASE_SECONDS} s, run the migrations again"
            )

    try:
        yield renew
    finally:
        # An unreleased lock expires by itself; the error that got us here matters more.
        with suppress(CassandraStoreError):
            cql = f"DELETE FROM {table} WHERE name = 'migrations' IF owner = %s"  # noqa: S608 (checked name)
            _compare_and_set(session, cql, (owner,))


def _acquire(session: Session, table: str, owner: str, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    cql = (
        f"INSERT INTO {table} (name, owner) VALUES ('migrations', %s) IF NOT EXISTS USING TTL {LEASE_SECONDS}"  # noqa: S608 (checked name)
    )
    while True:
        applied, holder = _compare_and_set(session, cql, (owner,))
        if applied or holder == owner:
            return
        if time.monotonic() > deadline:
            raise MigrationLocked(
                f"expected the lock in {table} within {wait_seconds:.0f} s; migrator {holder} holds it: "
                f"wait for it, a dead one's lock expires after {LEASE_SECONDS} s"
            )
        time.sleep(POLL_SECONDS)


def _compare_and_set(session: Session, cql: str, values: tuple[str, ...]) -> tuple[bool, str | None]:
    """Whether it was applied, and the owner it found otherwise."""
    statement = SimpleStatement(
        cql,
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL,
        is_idempotent=False,
    )
    row = execute(session, statement, values, "the lock of the migrations")[0]
    return bool(row[0]), (str(row[-1]) if len(row) > 1 and row[-1] is not None else None)
