"""A scored batch into Cassandra: its transactions, decisions and totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from cassandra.cluster import Session

from include.aggregates.totals import Key, totals
from include.stores.cassandra.batches import write_rows
from include.stores.cassandra.durability import wait_until_durable
from include.stores.cassandra.encoding import (
    Encoded,
    bigint,
    constant,
    encode,
    microseconds_below,
    numbers,
    rows_of,
    sparse,
)
from include.stores.cassandra.errors import BatchOutOfOrder
from include.stores.cassandra.ledger import record_batch, recorded_batch
from include.stores.cassandra.records import DECISION_COLUMNS, TRANSACTION_COLUMNS
from include.stores.cassandra.running import advance_running_totals
from include.stores.cassandra.statements import insert_into

STAGE = "load_cassandra"

PLACE_COLUMNS = ("transaction_id", "account_id", "month", "occurred_at", "batch_id")
#: Tables with a row a transaction, and their columns.
ROW_TABLES: Mapping[str, Sequence[str]] = {
    "transactions_by_account": TRANSACTION_COLUMNS,
    "transactions_by_id": PLACE_COLUMNS,
    "decisions": DECISION_COLUMNS,
}
_KINDS: Mapping[str, Key] = {"account": "account_id", "counterparty": "counterparty_id"}
_MAY_BE_NULL = ("device_id", "customer_id", "extra")


@dataclass(frozen=True, slots=True)
class LoadCounts:
    """What loading a batch wrote."""

    transactions: int  # logical rows: transactions of the batch
    decisions: int
    period_totals: int  # rows of totals by day and hour
    running_totals: int  # rows of cumulative totals
    rows: int  # physical rows in all tables


def load_batch(session: Session, scored: pa.Table, batch: int) -> LoadCounts:
    """Write a scored batch to every table that is made from it.

    Idempotent: transactions and decisions are upserts by transaction id (and its unchanging account
    and time), totals are rows of (key, period, batch), cumulative totals read earlier batches only,
    and the ledger's row comes last. A second try overwrites the first; nothing is counted up.

    Parameters
    ----------
    scored
        The batch as the lake has it: ``ACCEPTED_SCHEMA`` and the columns of scoring.
    batch
        Its number.

    Raises
    ------
    BatchOutOfOrder
        When the batch before it has not been loaded completely.
    StoreUnavailable, WriteFailed
        When rows did not get through; run the batch again.
    """
    if batch > 0 and recorded_batch(session, STAGE, batch - 1) is None:
        raise BatchOutOfOrder(
            f"expected batch {batch - 1} to be loaded before batch {batch}, because cumulative totals build "
            f"on it; the ledger does not have it: load the missing batches first, from the lowest number up"
        )
    columns = columns_of(scored, batch)
    written, places, decisions = (
        _write(session, table, names, columns) for table, names in ROW_TABLES.items()
    )
    written += places
    period_totals = running_totals = 0
    for kind, key in _KINDS.items():
        period_totals += _write_totals(session, kind, totals(scored, key, "hour"), batch)
        running_totals += advance_running_totals(session, kind, totals(scored, key, "running"), batch)
    counts = LoadCounts(
        transactions=scored.num_rows,
        decisions=decisions,
        period_totals=period_totals,
        running_totals=running_totals,
        rows=written + decisions + period_totals + running_totals,
    )
    wait_until_durable(session)
    record_batch(session, STAGE, batch, asdict(counts))
    wait_until_durable(session)
    return counts


def columns_of(scored: pa.Table, batch: int) -> dict[str, Sequence[Any]]:
    """Every column of ``ROW_TABLES``, encoded, row i for row i of the scored batch."""
    return _shared_columns(scored, batch) | _decision_columns(scored)


def _write(session: Session, table: str, names: Sequence[str], columns: Mapping[str, Sequence[Any]]) -> int:
    statement = insert_into(session, table, names)
    return write_rows(session, statement, rows_of(statement, columns))


def _shared_columns(scored: pa.Table, batch: int) -> dict[str, Sequence[Any]]:
    made = ("month", "batch_id", "occurred_at_us", "arrived_at_us")
    columns: dict[str, Sequence[Any]] = {
        name: encode(scored[name]) for name in TRANSACTION_COLUMNS if name not in made
    }
    for name in _MAY_BE_NULL:
        columns[name] = sparse(columns[name])
    occurred = scored["occurred_at"]
    months = pc.add(pc.multiply(pc.year(occurred), 100), pc.month(occurred)).cast(pa.int32())
    return columns | {
        "month": encode(months),
        "batch_id": constant(bigint(batch), scored.num_rows),
        "occurred_at_us": encode(microseconds_below(occurred)),
        "arrived_at_us": encode(microseconds_below(scored["arrived_at"])),
    }


def _decision_columns(scored: pa.Table) -> dict[str, Encoded]:
    """Everything is written, absence too, so that scoring a batch anew leaves nothing of the old scores."""
    made = ("transaction_id", "account_id", "batch_id", "features", "contributions", "scored_at_us")
    columns = {name: encode(scored[name]) for name in DECISION_COLUMNS if name not in made}
    return columns | {
        "features": _features(scored),
        "contributions": encode(scored["contributions"].fill_null("")),
        "scored_at_us": encode(microseconds_below(scored["scored_at"])),
    }


def _features(scored: pa.Table) -> Encoded:
    """Features of what was not simply allowed; an empty map for the rest."""
    flagged = pc.not_equal(scored["decision"], "ALLOW").to_numpy(zero_copy_only=False)
    encoded: list[bytes | None] = [numbers(())] * scored.num_rows
    evidence = scored["features"].filter(pa.array(flagged)).to_pylist()
    for row, features in zip(flagged.nonzero()[0], evidence, strict=True):
        values = {name: float("nan") if value is None else value for name, value in (features or {}).items()}
        encoded[row] = numbers(tuple(values.items()))
    return encoded


def _write_totals(session: Session, kind: str, made: pa.Table, batch: int) -> int:
    """Idempotent: (key, day, hour, batch) is the primary key; the row is this batch's share alone."""
    hours = made["period_start"]
    columns = {
        f"{kind}_id": encode(made["key"]),
        "day": encode(pc.floor_temporal(hours, unit="day")),
        "hour": encode(hours),
        "batch_id": constant(bigint(batch), made.num_rows),
        "transaction_count": encode(made["count"]),
        "total": encode(made["total"]),
        "maximum": encode(made["maximum"]),
    }
    return _write(session, f"{kind}_totals", tuple(columns), columns)
