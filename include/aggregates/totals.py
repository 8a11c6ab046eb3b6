"""Count, sum, mean and maximum of transactions by key and period, in exact decimals."""

from __future__ import annotations

from typing import Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc

from include.aggregates.errors import UnknownGrouping
from include.transactions.schema import AMOUNT, TIME

Key = Literal["account_id", "counterparty_id"]
Period = Literal["hour", "day", "running"]

TOTAL = pa.decimal128(38, 4)
MEAN = pa.decimal128(38, 6)

TOTALS_SCHEMA = pa.schema(
    [
        pa.field("key", pa.string()),
        pa.field("period_start", TIME),  # UTC; null for "running"
        pa.field("count", pa.int64()),
        pa.field("total", TOTAL),
        pa.field("mean", MEAN),  # half-even to six decimals; a ratio has no exact decimal
        pa.field("maximum", AMOUNT),
    ]
)


def totals(table: pa.Table, key: Key, period: Period) -> pa.Table:
    """Totals of each key in each period that has a transaction.

    Amounts are added whatever their currency is: convert them first where an account has several.

    Parameters
    ----------
    table
        With ``account_id`` or ``counterparty_id``, ``amount`` (decimal128(18, 4)) and ``occurred_at``
        (timestamp, UTC); further columns are ignored.
    key
        Whose totals.
    period
        UTC hours or days of ``occurred_at``, or "running": one row a key over the whole table.

    Returns
    -------
    pa.Table
        Schema ``TOTALS_SCHEMA``, sorted by key and period_start, whatever the order of ``table``.

    Raises
    ------
    UnknownGrouping
        For another key or period.
    """
    if key not in get_args(Key) or period not in get_args(Period):
        raise UnknownGrouping(
            f"expected a key of {get_args(Key)} and a period of {get_args(Period)}; "
            f"came {key!r} and {period!r}: correct the caller"
        )
    starts = (
        pa.nulls(table.num_rows, TIME)
        if period == "running"
        else pc.floor_temporal(table["occurred_at"].cast(TIME), unit=period)
    )
    grouped = (
        pa.table({"key": table[key], "period_start": starts, "amount": table["amount"].cast(AMOUNT)})
        .group_by(["key", "period_start"])
        .aggregate([("amount", "count"), ("amount", "sum"), ("amount", "max")])
        .sort_by([("key", "ascending"), ("period_start", "ascending")])
    )
    count, total = grouped["amount_count"], grouped["amount_sum"].cast(TOTAL)
    return pa.table(
        [grouped["key"], grouped["period_start"], count, total, mean_of(total, count), grouped["amount_max"]],
        schema=TOTALS_SCHEMA,
    )


def mean_of(total: pa.ChunkedArray, count: pa.ChunkedArray) -> pa.ChunkedArray:
    """Total over count as ``MEAN``, rounded half to even.

    The quotient is taken to 24 decimals first, far beyond where a count below 10**12 could make the
    second rounding differ.
    """
    quotient = pc.divide(total.cast(pa.decimal256(38, 4)), count.cast(pa.decimal256(19, 0)))
    return pc.round(quotient, ndigits=MEAN.scale, round_mode="half_to_even").cast(MEAN)
