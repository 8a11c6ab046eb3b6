"""Who may write to which tables."""

from __future__ import annotations

import re

import pytest

from include.stores.cassandra.cql import role_name
from include.stores.cassandra.errors import MigrationInvalid
from include.stores.cassandra.migrations import DIRECTORY, read_migrations
from include.stores.cassandra.permissions import DESK, DESK_ALONE, MIGRATIONS, PARTS, writable

TABLES = frozenset(
    name
    for migration in read_migrations(DIRECTORY)
    for name in re.findall(r"CREATE TABLE IF NOT EXISTS \{\{keyspace\}\}\.(\w+)", migration.text)
)


def test_every_table_named_is_one_of_the_migrations() -> None:
    assert TABLES >= DESK
    assert DESK >= DESK_ALONE


def test_every_table_is_written_by_the_pipeline_or_the_desk() -> None:
    assert writable("pipeline", TABLES) | writable("desk", TABLES) == TABLES


@pytest.mark.parametrize(
    "table", ["decisions", "alerts", "transactions_by_id", "audit", "account_state", "customers"]
)
def test_the_desk_writes_nothing_of_what_was_decided(table: str) -> None:
    assert table in TABLES
    assert table not in writable("desk", TABLES)


def test_nobody_but_the_owner_writes_the_migrations() -> None:
    for part in PARTS:
        assert not writable(part, TABLES | MIGRATIONS) & MIGRATIONS
    assert writable("reader", TABLES) == frozenset()


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(ValueError, match="pipeline, desk, reader"):
        writable("everybody", TABLES)


@pytest.mark.parametrize("name", ["Desk", "desk; DROP ROLE admin", "", "desk'"])
def test_a_roles_name_is_nothing_but_a_name(name: str) -> None:
    with pytest.raises(MigrationInvalid, match="name of a role"):
        role_name(name)
