"""Errors of the Cassandra stores.

::

    CassandraStoreError
    ├── StoreUnavailable        no node answers, or not enough of them: wait and try again
    ├── SchemaMissing           keyspace or table is not there: run the migrations
    ├── ForeignKeyspace         the keyspace belongs to another installation: use one of one's own
    ├── WriteFailed             some rows could not be written; names table, count and first key
    ├── UnknownKind             neither "account" nor "counterparty", or no such period
    ├── BatchOutOfOrder         a batch is loaded before its predecessor
    └── MigrationError
        ├── MigrationInvalid    a file, its number, or a parameter cannot be used
        ├── MigrationChanged    an applied file has been edited since
        └── MigrationLocked     another migrator holds, or has taken over, the lock
"""

from __future__ import annotations


class CassandraStoreError(Exception):
    """Anything the Cassandra stores raise."""


class StoreUnavailable(CassandraStoreError):
    """Cassandra does not answer; every write of these stores may simply be tried again."""


class SchemaMissing(CassandraStoreError):
    """A keyspace or table that the migrations create is not there."""


class ForeignKeyspace(CassandraStoreError):
    """Two installations are pointed at one keyspace."""


class WriteFailed(CassandraStoreError):
    """Some rows were not written, for a reason that trying again does not cure.

    Attributes
    ----------
    table
        Table the rows were meant for.
    rows
        How many rows are not known to be written.
    """

    def __init__(self, table: str, rows: int, of: int, first_key: str, cause: BaseException) -> None:
        self.table = table
        self.rows = rows
        super().__init__(
            f"expected to write {of} rows to {table}; {rows} failed, the first with key {first_key}: "
            f"{type(cause).__name__}: {cause}. Rows are upserts: repair the cause and run the batch again."
        )


class UnknownKind(CassandraStoreError):
    """A kind of key or a period that has no table."""


class BatchOutOfOrder(CassandraStoreError):
    """Cumulative totals need the batches in order."""


class MigrationError(CassandraStoreError):
    """The schema could not be brought up to date."""


class MigrationInvalid(MigrationError):
    """A migration file or a parameter is not usable."""


class MigrationChanged(MigrationError):
    """A file that has been applied is not what it was then."""


class MigrationLocked(MigrationError):
    """Another migrator is at work."""
