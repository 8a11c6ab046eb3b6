"""Label events: encoding, validation, every reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.transactions import contract, labels
from include.transactions.labels import LABEL_SOURCES, LabelEvent, encode_label, validate_label, verdict

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
GOOD = {
    "transaction_id": "T-1",
    "account_id": "A-1",
    "is_fraud": True,
    "source": "ANALYST",
    "labelled_at": "2026-03-10T11:00:00Z",
}

ids = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=34)


@settings(max_examples=50)
@given(
    ids,
    ids,
    st.booleans(),
    st.sampled_from(LABEL_SOURCES),
    st.datetimes(datetime(2000, 1, 1), datetime(2026, 3, 1)),
)
def test_round_trip(transaction_id: str, account_id: str, is_fraud: bool, source: str, at: datetime) -> None:
    label = LabelEvent(transaction_id, account_id, is_fraud, source, at.replace(tzinfo=UTC))
    key, value = encode_label(label)
    assert validate_label(value, key, NOW) == label


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"transaction_id": None}, contract.REASON_TRANSACTION_ID_MISSING),
        ({"account_id": 5}, contract.REASON_ACCOUNT_ID_TYPE),
        ({"account_id": "x" * 35}, contract.REASON_ACCOUNT_ID_LENGTH),
        ({"is_fraud": None}, labels.REASON_IS_FRAUD_MISSING),
        ({"is_fraud": "true"}, labels.REASON_IS_FRAUD_TYPE),
        ({"is_fraud": 1}, labels.REASON_IS_FRAUD_TYPE),
        ({"source": None}, labels.REASON_SOURCE_MISSING),
        ({"source": "analyst"}, labels.REASON_SOURCE),
        ({"source": ["ANALYST"]}, labels.REASON_SOURCE),
        ({"labelled_at": None}, labels.REASON_LABELLED_AT_MISSING),
        ({"labelled_at": 5}, labels.REASON_LABELLED_AT_FORMAT),
        ({"labelled_at": "2026-03-10"}, labels.REASON_LABELLED_AT_FORMAT),
        ({"labelled_at": (NOW + timedelta(hours=1)).isoformat()}, labels.REASON_LABELLED_AT_FUTURE),
        ({"transaction_id": "T-2"}, labels.REASON_LABEL_KEY),
    ],
)
def test_refusals(change: dict[str, object], reason: str) -> None:
    assert validate_label(json.dumps({**GOOD, **change}).encode(), b"T-1", NOW) == [reason]


def test_every_reason_is_told() -> None:
    assert validate_label(b"{}", None, NOW) == [
        contract.REASON_TRANSACTION_ID_MISSING,
        contract.REASON_ACCOUNT_ID_MISSING,
        labels.REASON_IS_FRAUD_MISSING,
        labels.REASON_SOURCE_MISSING,
        labels.REASON_LABELLED_AT_MISSING,
    ]


def test_tombstone_and_unknown_fields() -> None:
    assert validate_label(None, b"T-1", NOW) == [contract.REASON_TOMBSTONE]
    assert isinstance(validate_label(json.dumps({**GOOD, "note": 1}).encode(), b"T-1", NOW), LabelEvent)


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def _said(source: str, *, is_fraud: bool, hours: float = 0) -> LabelEvent:
    return LabelEvent("T1", "A1", is_fraud, source, NOON + timedelta(hours=hours))


@pytest.mark.parametrize(
    ("labels", "counts"),
    [
        ([("CUSTOMER", False, 9), ("ANALYST", True, 0)], 1),  # an analyst counts for more than a customer
        ([("ANALYST", False, 9), ("CHARGEBACK", True, 0)], 1),  # a charge-back for more than an analyst
        ([("ANALYST", True, 0), ("ANALYST", False, 1)], 1),  # of one source the newest
        ([("ANALYST", False, 1), ("ANALYST", True, 1)], 1),  # at the same moment fraud
    ],
)
def test_one_verdict_out_of_contradicting_labels(labels: list[tuple[str, bool, float]], counts: int) -> None:
    said = [_said(source, is_fraud=is_fraud, hours=hours) for source, is_fraud, hours in labels]
    assert verdict(said) == said[counts]
    assert verdict(reversed(said)) == said[counts]


def test_without_a_label_there_is_no_verdict() -> None:
    assert verdict([]) is None
