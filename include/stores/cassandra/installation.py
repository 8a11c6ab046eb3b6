"""Whose keyspace it is: one row, written once, compared at every session that is opened to work with it."""

from __future__ import annotations

from datetime import UTC, datetime

from cassandra import ConsistencyLevel
from cassandra.cluster import Session
from cassandra.query import SimpleStatement

from include.stores.cassandra.errors import ForeignKeyspace, SchemaMissing
from include.stores.cassandra.statements import execute

#: Made by the migrator, beside its own book-keeping.
TABLE = "installation"
COLUMNS = "name text PRIMARY KEY, id text, claimed_at timestamp"


def owner_of(session: Session, keyspace: str) -> str | None:
    """Id of the installation the keyspace belongs to; None if nobody has claimed it, or it is not there."""
    try:
        rows = execute(
            session,
            f"SELECT id FROM {keyspace}.{TABLE} WHERE name = 'owner'",  # noqa: S608 (checked name)
            doing="reading whose the keyspace is",
        )
    except SchemaMissing:
        return None
    return str(rows[0][0]) if rows else None


def refuse_foreign(session: Session, keyspace: str, installation: str) -> None:
    """Compare the keyspace's owner with an installation; nobody's is nobody's.

    Raises
    ------
    ForeignKeyspace
        It is another's.
    """
    owner = owner_of(session, keyspace)
    if owner not in (None, installation):
        raise ForeignKeyspace(
            f"expected keyspace {keyspace} to be of this installation ({installation}), it is of {owner}: two "
            "installations on one keyspace would overwrite each other's batches. Set TIDEWATCH_KEYSPACE, and the "
            "schema of the connection cassandra_default, to a keyspace of its own; or, if this installation is to "
            f"take it over for good, delete the row 'owner' of {keyspace}.{TABLE}"
        )


def claim_keyspace(session: Session, keyspace: str, installation: str) -> None:
    """Make the keyspace the installation's own (compare-and-set); again changes nothing.

    Raises
    ------
    ForeignKeyspace
        It is another's: who claims first has it.
    """
    statement = SimpleStatement(
        f"INSERT INTO {keyspace}.{TABLE} (name, id, claimed_at) VALUES ('owner', %s, %s) IF NOT EXISTS",  # noqa: S608 (checked name)
        serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL,
        is_idempotent=False,
    )
    execute(session, statement, (installation, datetime.now(UTC)), "claiming the keyspace")
    refuse_foreign(session, keyspace, installation)
