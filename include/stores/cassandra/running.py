"""Cumulative totals of a key: what stood before the batch, plus the batch, written under the batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from cassandra.cluster import Session

from include.aggregates.totals import TOTAL
from include.stores.cassandra.batches import write_rows
from include.stores.cassandra.encoding import bigint, constant, encode, rows_of
from include.stores.cassandra.lookups import newest_before
from include.stores.cassandra.statements import insert_into, prepare
from include.transactions.schema import AMOUNT

COLUMNS = ("transaction_count", "total", "maximum")

_SCHEMA = pa.schema([("key", pa.string()), ("count", pa.int64()), ("total", TOTAL), ("maximum", AMOUNT)])


def advance_running_totals(session: Session, kind: str, of_batch: pa.Table, batch: int) -> int:
    """Carry the cumulative totals of a batch's keys forward; return the rows written.

    Idempotent: it reads only rows of *earlier* batches and writes rows of this one, so a second try
    reads what the first read and overwrites what it wrote. Batches have to come in order.

    Parameters
    ----------
    kind
        "account" or "counterparty".
    of_batch
        Totals of the batch by key, see ``include.aggregates.totals`` with period "running".
    """
    table, key = f"{kind}_running_totals", f"{kind}_id"
    before = newest_before(session, table, key, COLUMNS, of_batch["key"].to_pylist(), batch)
    now = _added(before, of_batch.select(_SCHEMA.names))
    statement = insert_into(session, table, (key, "batch_id", *COLUMNS))
    columns = {
        key: encode(now["key"]),
        "batch_id": constant(bigint(batch), now.num_rows),
        "transaction_count": encode(now["count"]),
        "total": encode(now["total"]),
        "maximum": encode(now["maximum"]),
    }
    return write_rows(session, statement, rows_of(statement, columns))


def prune_running_totals(session: Session, kind: str, keys: Sequence[str], batch: int) -> None:
    """Drop versions older than ``batch`` of keys that have a version ``batch``; see ``state.prune``.

    Idempotent: it deletes a fixed range.
    """
    cql = f"DELETE FROM {kind}_running_totals WHERE {kind}_id = ? AND batch_id < ?"  # noqa: S608 (kind is ours)
    write_rows(session, prepare(session, cql), [(key.encode(), bigint(batch)) for key in keys])


def _added(before: Sequence[tuple[Any, ...]], of_batch: pa.Table) -> pa.Table:
    earlier = pa.table([list(column) for column in zip(*before, strict=True)] or [[]] * 4, schema=_SCHEMA)
    sums = (
        pa.concat_tables([earlier, of_batch.cast(_SCHEMA)])
        .group_by("key")
        .aggregate([("count", "sum"), ("total", "sum"), ("maximum", "max")])
    )
    return pa.table(
        [sums["key"], sums["count_sum"], sums["total_sum"].cast(TOTAL), sums["maximum_max"]], schema=_SCHEMA
    )
