"""Keyspaces of their own for tests whose state would clash with that of others."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from include.settings import settings
from include.stores.cassandra.address import CassandraAddress
from include.stores.cassandra.cql import fill, split
from include.stores.cassandra.migrations import read_migrations
from include.stores.cassandra.retention import Retention
from include.stores.cassandra.session import connect

REPLICATION = {"class": "SimpleStrategy", "replication_factor": 1}


@contextmanager
def bare_session(address: CassandraAddress) -> Iterator[Any]:
    """A session without a keyspace."""
    session = connect(address.contact_points, address.port, None, address.username, address.password)
    try:
        yield session
    finally:
        session.cluster.shutdown()


@contextmanager
def free_name(session: Any) -> Iterator[str]:
    """Name of a keyspace that is not there yet, and is not there any more afterwards."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    try:
        yield name
    finally:
        session.execute(f"DROP KEYSPACE IF EXISTS {name}", timeout=60)


def numbered(*names: str) -> list[int]:
    """Numbers of the migrations with these names, such as ``outbox`` for ``007_outbox.cql``."""
    found = {
        migration.name.partition("_")[2].removesuffix(".cql"): migration.number
        for migration in read_migrations(settings().migrations_dir)
    }
    return [found[name] for name in names]


@contextmanager
def own_keyspace(address: CassandraAddress, numbers: Sequence[int]) -> Iterator[CassandraAddress]:
    """A new keyspace with the tables of the migrations of these ``numbers``; dropped afterwards."""
    with bare_session(address) as session, free_name(session) as name:
        parameters = {f"{key}_seconds": str(value) for key, value in Retention().seconds().items()}
        parameters |= {"keyspace": name, "replication": str(REPLICATION)}
        for migration in read_migrations(settings().migrations_dir):
            if migration.number in (1, *numbers):
                for statement in split(fill(migration.text, parameters)):
                    session.execute(statement, timeout=60)
        yield dataclasses.replace(address, keyspace=name)
