"""What was produced, by the topics alone: what the contract's reference validator says of each of their records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from confluent_kafka import Message

from include.settings import Settings
from include.transactions.content import content_digest
from include.transactions.labels import LabelEvent, validate_label
from include.transactions.offsets import TopicOffsets
from include.transactions.reading import read_between
from include.transactions.schema import AMOUNT, TIME
from include.transactions.validation import Parsed, validate

#: Partition and offset of a record.
Place = tuple[int, int]

_TOTALLED = pa.schema(
    [
        pa.field("account_id", pa.string()),
        pa.field("counterparty_id", pa.string()),
        pa.field("amount", AMOUNT),
        pa.field("occurred_at", TIME),
    ]
)


@dataclass(slots=True)
class Produced:
    """Records of the topics from their beginnings.

    Attributes
    ----------
    transactions, arrived
        Each sound transaction once, and when the broker had it first.
    duplicates
        Further arrivals of a sound transaction.
    dead
        Records of the transactions topic that break the contract, or use the id of a transaction that says something
        else: place → arrival. Of an id that stands in several partitions it is not known which came first.
    labels, dead_labels
        The same of the labels topic, which is compacted: the newest of each transaction at least.
    """

    records: int = 0
    duplicates: int = 0
    transactions: dict[str, Parsed] = field(default_factory=dict)
    arrived: dict[str, datetime] = field(default_factory=dict)
    dead: dict[Place, datetime] = field(default_factory=dict)
    labels: dict[Place, tuple[LabelEvent, datetime]] = field(default_factory=dict)
    dead_labels: dict[Place, datetime] = field(default_factory=dict)

    def table(self) -> pa.Table:
        """Accounts, counterparties, amounts and times of the sound transactions."""
        rows = [{name: getattr(one, name) for name in _TOTALLED.names} for one in self.transactions.values()]
        return pa.Table.from_pylist(rows, schema=_TOTALLED)


def produced(settings: Settings, kafka: Mapping[str, Any]) -> Produced:
    """Read the topics to their ends."""
    found, retention = Produced(), settings.stream.retention
    for message in _records(kafka, settings.topics.transactions):
        _judge(found, message, retention)
    for message in _records(kafka, settings.topics.labels):
        arrived_at, place = _arrival(message), (message.partition(), message.offset())
        label = validate_label(message.value(), message.key(), arrived_at)
        if isinstance(label, LabelEvent):
            found.labels[place] = (label, arrived_at)
        else:
            found.dead_labels[place] = arrived_at
    return found


def _judge(found: Produced, message: Message, retention: timedelta) -> None:
    arrived_at = _arrival(message)
    found.records += 1
    parsed = validate(message.value(), message.key(), arrived_at, retention)
    first = found.transactions.get(parsed.transaction_id) if isinstance(parsed, Parsed) else None
    if not isinstance(parsed, Parsed) or (first and content_digest(parsed) != content_digest(first)):
        found.dead[message.partition(), message.offset()] = arrived_at
    elif first is not None:
        found.duplicates += 1
        before = found.arrived[parsed.transaction_id]
        found.arrived[parsed.transaction_id] = min(before, arrived_at)
    else:
        found.transactions[parsed.transaction_id] = parsed
        found.arrived[parsed.transaction_id] = arrived_at


def _records(kafka: Mapping[str, Any], topic: str) -> Any:
    with TopicOffsets(kafka, topic) as offsets:
        ends = offsets.committed_ends()
    return read_between(kafka, topic, {}, ends)


def _arrival(message: Message) -> datetime:
    return datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)
