"""What Spark left undecided gets the reference's answer, and what it decided is left alone."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from include.stores.memory.state import MemorySeenStore
from include.transactions.judging import judge
from include.transactions.schema import ARRIVAL_SCHEMA
from include.transactions.settling import settle
from include.transactions.validation import Parsed, validate
from tests.transactions.corpus import ARRIVED_AT, CASES, RETENTION


def _row(offset: int, **values: Any) -> dict[str, Any]:
    empty = dict.fromkeys(ARRIVAL_SCHEMA.names)
    return empty | {"kafka_partition": 0, "kafka_offset": offset, "arrived_at": ARRIVED_AT} | values


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=ARRIVAL_SCHEMA)


def test_every_undecided_record_gets_the_references_answer() -> None:
    undecided = _table([_row(n, raw_key=case.key, raw_value=case.value) for n, case in enumerate(CASES)])
    for row in judge(undecided, RETENTION).to_pylist():
        case = CASES[row["kafka_offset"]]
        expected = validate(case.value, case.key, ARRIVED_AT, RETENTION)
        if isinstance(expected, Parsed):
            assert (row["errors"], row["raw_key"], row["raw_value"]) == ([], None, None), case.name
            assert {name: row[name] for name in Parsed.__dataclass_fields__} == {
                name: getattr(expected, name) for name in Parsed.__dataclass_fields__
            }
        else:
            assert (row["errors"], row["raw_key"], row["raw_value"]) == (expected, case.key, case.value)


def test_what_is_decided_stays_as_it_is() -> None:
    decided = [
        _row(0, transaction_id="sound", errors=[]),
        _row(1, errors=["of an earlier version"], raw_value=b"{}"),
    ]
    assert judge(_table(decided), RETENTION).to_pylist() == decided
    mixed = judge(_table([*decided, _row(2, raw_value=b"[")]), RETENTION).to_pylist()
    assert mixed[:2] == decided
    assert mixed[2]["errors"]


def test_no_arrivals_are_no_trouble() -> None:
    assert judge(ARRIVAL_SCHEMA.empty_table(), RETENTION).num_rows == 0


def test_nothing_unjudged_is_settled() -> None:
    with pytest.raises(ValueError, match="expected every arrival of batch 3 to be judged, got 1 without"):
        settle(_table([_row(7)]), MemorySeenStore(), 3)
