"""Judges what the streaming job left undecided, by the reference."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.transactions.schema import ARRIVAL_SCHEMA
from include.transactions.validation import Parsed, validate


def judge(arrivals: pa.Table, retention: timedelta) -> pa.Table:
    """Arrivals of which every one is sound (no errors) or has every reason for its refusal.

    Parameters
    ----------
    arrivals
        Columns of ``ARRIVAL_SCHEMA``; ``errors`` is null where nobody has judged yet, and the record's bytes are
        there.
    retention
        Oldest age of an event at its arrival.
    """
    arrivals = arrivals.select(ARRIVAL_SCHEMA.names).cast(ARRIVAL_SCHEMA)
    undecided = pc.is_null(arrivals["errors"])
    if not pc.any(undecided).as_py():
        return arrivals
    judged = [_judged(row, retention) for row in arrivals.filter(undecided).to_pylist()]
    decided = arrivals.filter(pc.invert(undecided))
    return pa.concat_tables([decided, pa.Table.from_pylist(judged, schema=ARRIVAL_SCHEMA)])


def _judged(row: dict[str, Any], retention: timedelta) -> dict[str, Any]:
    found = validate(row["raw_value"], row["raw_key"], row["arrived_at"], retention)
    if not isinstance(found, Parsed):
        return row | {"errors": found}
    parsed = {name: getattr(found, name) for name in Parsed.__dataclass_fields__}
    return row | parsed | {"errors": [], "raw_key": None, "raw_value": None}
