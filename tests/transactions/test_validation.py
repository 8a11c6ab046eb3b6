"""The reference validator over the corpus, and its laws."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.transactions import contract
from include.transactions.schema import TRANSACTION_SCHEMA
from include.transactions.validation import Parsed, parse_amount, parse_time, validate
from tests.transactions import corpus

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def test_the_corpus_is_large_and_its_names_are_unique() -> None:
    names = [case.name for case in corpus.CASES]
    assert len(names) >= 120
    assert len(set(names)) == len(names)


def test_the_corpus_breaks_every_rule() -> None:
    seen = {reason for case in corpus.CASES for reason in case.reasons}
    reasons = {value for name, value in vars(contract).items() if name.startswith("REASON_")}
    assert seen == reasons


@pytest.mark.parametrize("case", corpus.CASES, ids=lambda case: case.name)
def test_corpus(case: corpus.Case) -> None:
    found = validate(case.value, case.key, corpus.ARRIVED_AT, corpus.RETENTION)
    if case.reasons:
        assert found == list(case.reasons)
        return
    assert isinstance(found, Parsed)
    for name, expected in case.columns:
        value = getattr(found, name)
        assert (value.isoformat() if isinstance(value, datetime) else str(value)) == expected
    assert found.extra == case.extra


def test_parsed_has_the_columns_of_the_schema() -> None:
    assert [field.name for field in fields(Parsed)] == TRANSACTION_SCHEMA.names


def test_deep_nesting_is_refused_and_does_not_crash() -> None:
    deep = b'{"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}"
    assert validate(deep, b"", corpus.ARRIVED_AT, corpus.RETENTION) == [contract.REASON_MALFORMED]


@settings(max_examples=60)
@given(
    st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()), st.binary(max_size=8)
)
def test_any_bytes_are_judged_and_never_raise(value: bytes, key: bytes) -> None:
    found = validate(value, key, corpus.ARRIVED_AT, corpus.RETENTION)
    assert isinstance(found, list)
    assert found


@settings(max_examples=60)
@given(st.sampled_from([*corpus.BASE, "device_id", "customer_id"]), json_values)
def test_one_odd_field_is_the_only_one_blamed(name: str, value: object) -> None:
    found = validate(corpus.event(**{name: value}), corpus.KEY, corpus.ARRIVED_AT, corpus.RETENTION)
    if isinstance(found, list) and found != [contract.REASON_SURROGATE]:
        blamed = {reason.split(":")[0] for reason in found}
        assert blamed <= ({name, "key"} if name == "account_id" else {name})


@settings(max_examples=60)
@given(st.decimals(Decimal("0.0001"), Decimal("1e12"), places=4, allow_nan=False))
def test_amounts_within_the_rule_are_kept_exactly(amount: Decimal) -> None:
    assert parse_amount(format(amount, "f")) == amount


@settings(max_examples=60)
@given(st.text(alphabet="0123456789.eE+-", max_size=24))
def test_amount_patterns_texts_survive_decimal_38_18(text: str) -> None:
    amount = parse_amount(text)
    if amount is not None:
        assert amount == Decimal(text)
        assert 0 < amount <= contract.MAX_AMOUNT
        assert amount.as_tuple().exponent == -contract.AMOUNT_DECIMALS


@settings(max_examples=60)
@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)),
    st.integers(-18 * 60, 18 * 60).map(lambda minutes: timedelta(minutes=minutes)),
)
def test_times_round_trip(naive: datetime, offset: timedelta) -> None:
    at = naive.replace(tzinfo=UTC)
    assert parse_time(at.astimezone(timezone(offset)).isoformat()) == at


@pytest.mark.parametrize("inside", [timedelta(0), timedelta(days=1)])
def test_retention_moves_the_limit(inside: timedelta) -> None:
    old = (corpus.ARRIVED_AT - timedelta(days=90)).isoformat()
    value = corpus.event(occurred_at=old)
    assert isinstance(validate(value, corpus.KEY, corpus.ARRIVED_AT, timedelta(days=90) + inside), Parsed)
    refused = validate(value, corpus.KEY, corpus.ARRIVED_AT, timedelta(days=89))
    assert refused == [contract.REASON_OCCURRED_AT_OLD]
