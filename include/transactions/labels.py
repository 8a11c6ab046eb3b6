"""Fraud labels: what an analyst, a charge-back or a customer says about a transaction.

One JSON object per record of the topic ``fraud-labels``, keyed by **transaction_id**, so that compaction
keeps the newest label of each transaction (keyed by account it would keep one per account).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

import pyarrow as pa

from include.transactions import contract, json_text, validation
from include.transactions.schema import TIME

LABEL_SOURCES = ("ANALYST", "CHARGEBACK", "CUSTOMER")

#: Label events as the lake keeps them.
LABEL_SCHEMA = pa.schema(
    [
        pa.field("transaction_id", pa.string()),
        pa.field("account_id", pa.string()),
        pa.field("is_fraud", pa.bool_()),
        pa.field("source", pa.string()),
        pa.field("labelled_at", TIME),
    ]
)

#: The truth about simulated or imported transactions, known at once and in full; ``typology`` is "" if
#: the transaction is legitimate, or fraud of an unknown kind.
TRUTH_SCHEMA = pa.schema(
    [
        pa.field("transaction_id", pa.string()),
        pa.field("account_id", pa.string()),
        pa.field("is_fraud", pa.bool_()),
        pa.field("typology", pa.string()),
    ]
)

#: Whose word counts for more where sources contradict each other, the strongest first. A charge-back is
#: settled between banks; an analyst has looked into it; a customer may be mistaken, or may have an interest.
AUTHORITY = ("CHARGEBACK", "ANALYST", "CUSTOMER")

#: ``LABEL_SCHEMA``, and which record of the topic it came with.
ARRIVED_LABEL_SCHEMA = pa.schema(
    [
        *LABEL_SCHEMA,
        pa.field("kafka_partition", pa.int32()),
        pa.field("kafka_offset", pa.int64()),
        pa.field("arrived_at", TIME),
    ]
)

REASON_IS_FRAUD_MISSING = "is_fraud: missing or null"
REASON_IS_FRAUD_TYPE = "is_fraud: expected true or false"
REASON_SOURCE_MISSING = "source: missing or null"
REASON_SOURCE = "source: expected ANALYST, CHARGEBACK or CUSTOMER"
REASON_LABELLED_AT_MISSING = "labelled_at: missing or null"
REASON_LABELLED_AT_FORMAT = "labelled_at: expected an RFC 3339 time with offset"
REASON_LABELLED_AT_FUTURE = "labelled_at: more than 5 minutes ahead of the record's arrival"
REASON_LABEL_KEY = "key: expected the record key to be the transaction_id in UTF-8"

_ID_RULES = tuple(rule for rule in contract.FIELDS if rule.name in ("transaction_id", "account_id"))


@dataclass(frozen=True, slots=True)
class LabelEvent:
    """One label; a later one about the same transaction replaces it."""

    transaction_id: str
    account_id: str
    is_fraud: bool
    source: str  # one of LABEL_SOURCES
    labelled_at: datetime  # UTC


class LabelledTransaction(Protocol):
    """What is needed of the transaction a label speaks of."""

    @property
    def counterparty_id(self) -> str:
        """To whom it went."""
        ...

    @property
    def occurred_at(self) -> datetime:
        """UTC, to the microsecond: features find the transaction again by it."""
        ...

    @property
    def batch_id(self) -> int:
        """Number of the batch it was scored in."""
        ...


class LabelRecord(NamedTuple):
    """One record of the topic, as it came."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    arrived_at: datetime


def label_table(labels: Iterable[LabelEvent]) -> pa.Table:
    """Labels as a table of ``LABEL_SCHEMA``."""
    return pa.Table.from_pylist([asdict(label) for label in labels], schema=LABEL_SCHEMA)


def encode_label(label: LabelEvent) -> tuple[bytes, bytes]:
    """Key and value of a label's Kafka record."""
    document = {
        "transaction_id": label.transaction_id,
        "account_id": label.account_id,
        "is_fraud": label.is_fraud,
        "source": label.source,
        "labelled_at": label.labelled_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }
    value = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return label.transaction_id.encode(), value.encode()


def validate_label(
    raw_value: bytes | None, raw_key: bytes | None, arrived_at: datetime
) -> LabelEvent | list[str]:
    """Judge one record of ``fraud-labels``; unknown fields are ignored.

    Returns
    -------
    LabelEvent or list of str
        The label, or every reason for its refusal (never empty).
    """
    document = json_text.read_object(raw_value)
    if isinstance(document, str):
        return [document]
    reasons: list[str] = []
    ids: dict[str, str] = {}
    for rule in _ID_RULES:
        value = document.get(rule.name)
        reason = validation.missing_or_mistyped(rule, value)
        if reason is not None:
            reasons.append(reason)
        elif isinstance(value, str):
            ids[rule.name] = value
            reasons += validation.check_id(rule, value)
    is_fraud = document.get("is_fraud")
    if not isinstance(is_fraud, bool):
        reasons.append(REASON_IS_FRAUD_MISSING if is_fraud is None else REASON_IS_FRAUD_TYPE)
    source = document.get("source")
    if source not in LABEL_SOURCES:
        reasons.append(REASON_SOURCE_MISSING if source is None else REASON_SOURCE)
    time_text = document.get("labelled_at")
    labelled_at = validation.parse_time(time_text) if isinstance(time_text, str) else None
    if labelled_at is None:
        reasons.append(REASON_LABELLED_AT_MISSING if time_text is None else REASON_LABELLED_AT_FORMAT)
    elif labelled_at > arrived_at + contract.MAX_AHEAD:
        reasons.append(REASON_LABELLED_AT_FUTURE)
    transaction_id = ids.get("transaction_id")
    if transaction_id is not None and raw_key != transaction_id.encode("utf-8"):
        reasons.append(REASON_LABEL_KEY)
    if reasons or labelled_at is None:
        return reasons
    return LabelEvent(ids["transaction_id"], ids["account_id"], is_fraud is True, str(source), labelled_at)


def verdict(labels: Iterable[LabelEvent]) -> LabelEvent | None:
    """The label that counts among all that are known of one transaction; None without any.

    Sources rank by ``AUTHORITY``; of one source the newest counts, and of two at the same moment the one that
    calls it fraud, because missing a fraud costs more than a second look.
    """
    return min(
        labels,
        key=lambda label: (AUTHORITY.index(label.source), -label.labelled_at.timestamp(), not label.is_fraud),
        default=None,
    )
