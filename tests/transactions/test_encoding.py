"""Encoding: what goes in comes out of the reference validator."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from include.transactions.encoding import encode
from include.transactions.schema import CHANNELS, TRANSACTION_SCHEMA, TRANSACTION_TYPES
from include.transactions.validation import Parsed, validate

ARRIVED_AT = datetime(2030, 1, 1, tzinfo=UTC)
RETENTION = timedelta(days=20 * 365)

# Quotes, backslashes and what lies beyond ASCII are common here on purpose.
letters = st.sampled_from('"\\/<>{}: \u00e4\u2028\U0001f600') | st.characters(exclude_categories=("Cs", "Cc"))


def ids(longest: int) -> st.SearchStrategy[str]:
    return st.text(letters, min_size=1, max_size=longest)


extras = st.dictionaries(
    st.text(letters, max_size=4).map(lambda name: "x" + name),
    st.integers() | st.text(letters),
    min_size=1,
    max_size=3,
).map(lambda members: json.dumps(members, ensure_ascii=False, separators=(",", ":"), sort_keys=True))

rows = st.fixed_dictionaries(
    {
        "transaction_id": ids(64),
        "account_id": ids(34),
        "counterparty_id": ids(34),
        "amount": st.decimals(Decimal("0.0001"), Decimal("1e12"), places=4),
        "currency": st.just("EUR"),
        "transaction_type": st.sampled_from(TRANSACTION_TYPES),
        "channel": st.sampled_from(CHANNELS),
        "country": st.just("DE"),
        "occurred_at": st.datetimes(datetime(2015, 1, 1), datetime(2029, 1, 1)).map(
            lambda t: t.replace(tzinfo=UTC)
        ),
        "device_id": st.none() | ids(64),
        "customer_id": st.none() | ids(64),
        "extra": st.none() | extras,
    }
)


@settings(max_examples=60)
@given(st.lists(rows, max_size=6))
def test_round_trip(events: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(events, schema=TRANSACTION_SCHEMA)
    records = list(encode(table))
    assert len(records) == len(events)
    for event, (key, value) in zip(events, records, strict=True):
        assert key == event["account_id"].encode()
        parsed = validate(value, key, ARRIVED_AT, RETENTION)
        assert isinstance(parsed, Parsed), parsed
        assert asdict(parsed) == event


def test_control_characters_are_escaped_so_that_the_record_stays_json() -> None:
    event = {**dict.fromkeys(TRANSACTION_SCHEMA.names, "x"), "amount": Decimal(1), "occurred_at": ARRIVED_AT}
    event |= {"counterparty_id": "a\x00\x1f\x7f\n", "extra": None}
    ((_, value),) = encode(pa.Table.from_pylist([event], schema=TRANSACTION_SCHEMA))
    assert json.loads(value)["counterparty_id"] == "a\x00\x1f\x7f\n"


def test_amounts_are_exact_strings_without_needless_zeros() -> None:
    base = {**dict.fromkeys(TRANSACTION_SCHEMA.names, "x"), "extra": "{}", "occurred_at": ARRIVED_AT}
    amounts = ["1000", "0.0001", "12.5", "999999999999.9999"]
    table = pa.Table.from_pylist([{**base, "amount": Decimal(a)} for a in amounts], schema=TRANSACTION_SCHEMA)
    assert [json.loads(value)["amount"] for _, value in encode(table)] == amounts


def test_chunks_and_an_empty_table() -> None:
    base = {
        **dict.fromkeys(TRANSACTION_SCHEMA.names, "x"),
        "extra": None,
        "amount": Decimal(1),
        "occurred_at": ARRIVED_AT,
    }
    table = pa.Table.from_pylist(
        [{**base, "transaction_id": str(n)} for n in range(7)], schema=TRANSACTION_SCHEMA
    )
    chunked = pa.concat_tables([table.slice(0, 3), table.slice(3, 0), table.slice(3)])
    assert [json.loads(value)["transaction_id"] for _, value in encode(chunked)] == [str(n) for n in range(7)]
    assert list(encode(table.slice(0, 0))) == []
