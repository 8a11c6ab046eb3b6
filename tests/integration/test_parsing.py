"""What Spark's native parsing proves sound is what the reference takes; it leaves little of that undecided."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from include.spark.parsing import parse
from include.transactions.encoding import encode
from include.transactions.schema import ARRIVAL_SCHEMA
from include.transactions.simulator import SimulatedBank
from include.transactions.validation import Parsed, validate
from tests.transactions.corpus import ARRIVED_AT, CASES, RETENTION

pytestmark = pytest.mark.servers


#: Sound, and so odd that Spark leaves them to the reference.
UNDECIDED = {
    "200 lists beside each other",
    "brackets in a text are no levels",
    "amount 12.5 and another within a field",
    "amount 1.25e1 and another within a field",
}


def records_of(pairs: Sequence[tuple[bytes | None, bytes | None]]) -> pa.Table:
    """Records as Spark's Kafka source has them, of keys and values."""
    count = len(pairs)
    return pa.table(
        {
            "key": pa.array([key for key, _ in pairs], pa.binary()),
            "value": pa.array([value for _, value in pairs], pa.binary()),
            "partition": pa.array([0] * count, pa.int32()),
            "offset": pa.array(range(count), pa.int64()),
            "timestamp": pa.array([ARRIVED_AT] * count, pa.timestamp("us", "UTC")),
        }
    )


@pytest.fixture(scope="module")
def parsed(spark: Any) -> list[dict[str, Any]]:
    records = records_of([(case.key, case.value) for case in CASES])
    rows = parse(spark.createDataFrame(records), RETENTION).orderBy("kafka_offset").toArrow()
    assert rows.column_names == ARRIVAL_SCHEMA.names
    return list(rows.to_pylist())


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.name for case in CASES])
def test_agrees_with_the_reference(parsed: list[dict[str, Any]], number: int) -> None:
    case, row = CASES[number], parsed[number]
    expected = validate(case.value, case.key, ARRIVED_AT, RETENTION)
    if row["errors"] is None:
        assert (row["raw_value"], row["raw_key"]) == (case.value, case.key)
        return
    assert row["errors"] == []
    assert isinstance(expected, Parsed)
    for name in Parsed.__dataclass_fields__:
        if name == "extra":
            got, wanted = (
                text and json.loads(text, parse_int=float) for text in (row["extra"], expected.extra)
            )
            assert got == wanted
        else:
            assert row[name] == getattr(expected, name), name


def test_of_what_is_sound_only_the_oddest_is_left_undecided(parsed: list[dict[str, Any]]) -> None:
    sound = [
        (case.name, row["errors"])
        for case, row in zip(CASES, parsed, strict=True)
        if isinstance(validate(case.value, case.key, ARRIVED_AT, RETENTION), Parsed)
    ]
    assert {name for name, errors in sound if errors is None} == UNDECIDED


def test_what_a_bank_sends_is_decided(spark: Any) -> None:
    bank = SimulatedBank(7, 300, start=ARRIVED_AT.replace(hour=0) - timedelta(days=1))
    records = records_of(list(encode(bank.day(0).transactions.slice(0, 500))))
    errors = parse(spark.createDataFrame(records), RETENTION).toArrow()["errors"]
    assert len(errors) == 500
    assert errors.null_count == 0
