"""Cassandra as the second witness of the lake's audit: places of records, and rows against scored files.

A place goes into the table ``audit`` as an entry like any other, so that nobody can write the lake's chains
anew without changing Cassandra as well.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from cassandra.cluster import Session
from cassandra.query import UNSET_VALUE, PreparedStatement

from include.governance.audit import AuditProblem, AuditRecord, Head
from include.stores.cassandra.clock import split
from include.stores.cassandra.loader import ROW_TABLES, columns_of
from include.stores.cassandra.lookups import by_text_keys
from include.stores.cassandra.session import PROTOCOL_VERSION
from include.stores.cassandra.statements import border, execute, insert_into, prepare

#: Parts of a day, so that a day of seals is no huge partition.
BUCKETS = 8

_SEALED = "audit record appended"
_WITNESS = uuid.UUID("6d9e4f0c-7e0b-4a53-9c1e-5f7d0a3f2b61")
_COLUMNS = ("day", "bucket", "time", "entry_id", "time_us", "actor", "action", "subject", "detail")


def witness(session: Session, record: AuditRecord) -> None:
    """Note place and hash of a record.

    Idempotent: time and id of the entry are the record's own.
    """
    time, below = split(datetime.fromisoformat(record.time))
    entry = uuid.uuid5(_WITNESS, f"{record.chain}/{record.number}/{record.sha256}")
    detail = json.dumps({"number": record.number, "sha256": record.sha256})
    values = (
        time.date(), record.number % BUCKETS, time, entry, below, record.actor, _SEALED, record.chain, detail,
    )  # fmt: skip
    execute(session, insert_into(session, "audit", _COLUMNS), values, f"witnessing record {record.number}")


class CassandraAuditStore:
    """What verification asks of Cassandra; see ``include.governance.verify.SecondStore``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def witnesses(self) -> dict[str, list[Head]]:
        """Places of records, by chain. Reads the whole of ``audit``: for verification only."""
        statement = prepare(self._session, "SELECT action, subject, detail FROM audit")
        found: dict[str, list[Head]] = {}
        for action, chain, detail in execute(self._session, statement, doing="reading audit"):
            if action == _SEALED:
                place = json.loads(detail)
                found.setdefault(chain, []).append(Head(int(place["number"]), str(place["sha256"])))
        return found

    def row_problems(self, scored: pa.Table, batch: int) -> Iterator[AuditProblem]:
        """Rows of a batch that are missing or hold something else than the loader would write, to the byte."""
        columns = columns_of(scored, batch)
        ids = scored["transaction_id"].to_pylist()
        for table, names in ROW_TABLES.items():
            statement = insert_into(self._session, table, names)
            there = self._rows(table, names, scored, columns)
            for row, transaction_id in enumerate(ids):
                where = f"cassandra {table}, batch {batch}, transaction {transaction_id}"
                found = there.get(transaction_id)
                if found is None:
                    yield AuditProblem(where, "expected a row as the scored file has it, got none: removed")
                    continue
                yield from _compare(where, statement, {name: columns[name][row] for name in names}, found)

    def rows_by_batch(self) -> dict[str, dict[int, int]]:
        """Number of rows by table and batch. Reads the whole of the tables: for verification only."""
        counts = {}
        for table in ROW_TABLES:
            statement = prepare(self._session, f"SELECT batch_id FROM {table}")  # noqa: S608 (constants)
            with border(f"counting the rows of {table}"):
                rows = self._session.execute(statement, timeout=None)
                counts[f"cassandra {table}"] = dict(Counter(row[0] for row in rows))
        return counts

    def _rows(
        self, table: str, names: Sequence[str], scored: pa.Table, columns: Mapping[str, Sequence[Any]]
    ) -> dict[str, Sequence[Any]]:
        """Rows of the batch's transactions, by transaction id."""
        select = f"SELECT {', '.join(names)} FROM {table} WHERE"  # noqa: S608 (constants of the loader)
        if table != "transactions_by_account":
            keys = scored["transaction_id"].to_pylist()
            rows = by_text_keys(
                self._session, f"{select} transaction_id IN ?", keys, doing=f"reading {table}"
            )
        else:
            cql = f"{select} account_id IN ? AND month = ? AND occurred_at >= ? AND occurred_at <= ?"
            rows = []
            for month, part in _by_month(scored, columns["month"]):
                ends = pc.min_max(part["occurred_at"]).as_py()
                rest = (month, split(ends["min"])[0], split(ends["max"])[0])
                accounts = part["account_id"].unique().to_pylist()
                rows += by_text_keys(self._session, cql, accounts, rest, f"reading {table}")
        at = list(names).index("transaction_id")
        return {row[at]: row for row in rows}


def _compare(
    where: str, statement: PreparedStatement, expected: Mapping[str, Any], found: Sequence[Any]
) -> Iterator[AuditProblem]:
    """Fields of a row whose bytes are not those the loader writes."""
    for column, value in zip(statement.column_metadata, found, strict=True):
        wanted = expected[column.name]
        wanted = None if wanted is UNSET_VALUE else wanted
        got = None if value is None else column.type.to_binary(value, PROTOCOL_VERSION)
        if got != wanted:
            said = None if wanted is None else column.type.from_binary(wanted, PROTOCOL_VERSION)
            yield AuditProblem(
                where, f"expected {column.name} = {said!r} as the scored file has it, got {value!r}: changed"
            )


def _by_month(scored: pa.Table, months: Sequence[bytes]) -> Iterator[tuple[int, pa.Table]]:
    values = [int.from_bytes(month, "big") for month in months]
    for month in sorted(set(values)):
        yield month, scored.filter(pa.array([value == month for value in values]))
