"""Numbered CQL files, applied once, in order, by one migrator at a time.

A file is ``NNN_name.cql``, numbered from 001 without gaps; 001 creates the keyspace. What has been
applied stands in ``schema_migrations`` with a SHA-256 of the file. Statements say IF NOT EXISTS, so
a migration that broke off half-way is simply run again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cassandra.cluster import Session
from cassandra.query import SimpleStatement

from include.stores.cassandra import installation
from include.stores.cassandra.cql import fill, keyspace_name, replication_map, split
from include.stores.cassandra.errors import MigrationChanged, MigrationInvalid
from include.stores.cassandra.migration_lock import migration_lock
from include.stores.cassandra.retention import Retention, apply_retention
from include.stores.cassandra.statements import execute

DIRECTORY = Path(__file__).parents[2] / "sql" / "cassandra"
_FILE_NAME = re.compile(r"(\d{3})_[a-z0-9_]+\.cql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of the directory."""

    number: int
    name: str  # of the file
    text: str
    checksum: str  # SHA-256 of the text, hexadecimal


def read_migrations(directory: Path) -> list[Migration]:
    """The migrations of a directory, in order.

    Raises
    ------
    MigrationInvalid
        For a badly named file, or a number that is missing or there twice.
    """
    migrations = []
    for path in sorted(directory.glob("*.cql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise MigrationInvalid(f"expected a file name like 004_totals.cql; came {path.name}: rename it")
        text = path.read_text(encoding="utf-8")
        checksum = hashlib.sha256(text.encode()).hexdigest()
        migrations.append(Migration(int(match.group(1)), path.name, text, checksum))
    numbers = [migration.number for migration in migrations]
    if not numbers or numbers != list(range(1, len(numbers) + 1)):
        raise MigrationInvalid(
            f"expected migrations numbered from 001 without gaps in {directory}; came {numbers}: "
            "renumber the new ones, never an applied one"
        )
    return migrations


def migrate(
    session: Session,
    keyspace: str,
    replication: Mapping[str, str | int],
    directory: Path = DIRECTORY,
    *,
    retention: Retention | None = None,
    event_days: int = 0,
    wait_seconds: float = 60.0,
) -> tuple[str, ...]:
    """Bring a keyspace up to date and return the names of the files applied, often none.

    Idempotent: an applied file is skipped, its statements create only what is missing, and the
    retention is altered only where it differs. Two migrators at once are safe: the second waits for
    the lock and then finds nothing to do.

    Parameters
    ----------
    session
        Needs no keyspace of its own.
    replication
        For example ``{"class": "NetworkTopologyStrategy", "datacenter1": 3}``; used only when the
        keyspace is made.
    event_days
        ``stream.retention_days``: ids have to be remembered for longer. 0: nobody reads a stream here.
    wait_seconds
        How long to wait for another migrator.

    Raises
    ------
    MigrationInvalid
        When a file, its number, a parameter or the retention cannot be used.
    MigrationChanged
        When an applied file has been edited or removed; nothing is applied then.
    MigrationLocked
        When another migrator does not finish in time, or took the lock over.
    """
    migrations = read_migrations(directory)
    retention = retention or Retention()
    retention.refuse_forgetting(event_days)
    parameters = {"keyspace": keyspace_name(keyspace), "replication": replication_map(replication)}
    parameters |= {f"{name}_seconds": str(value) for name, value in retention.seconds().items()}
    _bootstrap(session, migrations[0], parameters)
    applied_now = []
    with migration_lock(session, keyspace, wait_seconds) as renew:
        applied = _applied(session, keyspace)
        _refuse_changes(migrations, applied)
        for migration in migrations:
            if migration.name in applied:
                continue
            for statement in split(fill(migration.text, parameters)):
                renew()
                execute(session, SimpleStatement(statement), doing=f"applying {migration.name}")
            execute(
                session,
                f"INSERT INTO {keyspace}.schema_migrations (name, checksum, applied_at) VALUES (%s, %s, %s)",  # noqa: S608 (checked name)
                (migration.name, migration.checksum, datetime.now(UTC)),
                f"recording {migration.name}",
            )
            applied_now.append(migration.name)
        renew()
        apply_retention(session, keyspace, retention)
    return tuple(applied_now)


def _bootstrap(session: Session, first: Migration, parameters: Mapping[str, str]) -> None:
    """Keyspace and book-keeping tables, which have to exist before anything can be recorded."""
    keyspace = parameters["keyspace"]
    there = execute(
        session,
        "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s",
        (keyspace,),
        "reading the schema",
    )
    tables = {row[0] for row in there}
    if not tables:
        for statement in split(fill(first.text, parameters)):
            execute(session, SimpleStatement(statement), doing=f"applying {first.name}")
    definitions = {
        "schema_migrations": "name text PRIMARY KEY, checksum text, applied_at timestamp",
        "schema_lock": "name text PRIMARY KEY, owner text",
        installation.TABLE: installation.COLUMNS,
    }
    for table, columns in definitions.items():
        if table not in tables:
            execute(
                session,
                SimpleStatement(f"CREATE TABLE IF NOT EXISTS {keyspace}.{table} ({columns})"),
                doing=f"creating {table}",
            )


def _applied(session: Session, keyspace: str) -> dict[str, str]:
    rows = execute(
        session,
        f"SELECT name, checksum FROM {keyspace}.schema_migrations",  # noqa: S608 (checked name)
        doing="reading the applied migrations",
    )
    return {row[0]: row[1] for row in rows}


def _refuse_changes(migrations: list[Migration], applied: Mapping[str, str]) -> None:
    known = {migration.name: migration.checksum for migration in migrations}
    for name, checksum in sorted(applied.items()):
        if name not in known:
            raise MigrationChanged(
                f"expected the applied migration {name} among the files; it is gone: restore it, "
                "or run the version of the project that has it"
            )
        if known[name] != checksum:
            raise MigrationChanged(
                f"expected {name} as it was applied (SHA-256 {checksum[:12]}…); the file now has "
                f"{known[name][:12]}…: restore it and put the change into a new migration"
            )
