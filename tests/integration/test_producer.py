"""The producer and the topics against a real broker."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from confluent_kafka import Consumer

from include.transactions.encoding import encode
from include.transactions.errors import TopicMismatch
from include.transactions.producer import TransactionProducer
from include.transactions.simulator import SimulatedBank
from include.transactions.topics import ensure_topics, topic_specs

pytestmark = pytest.mark.servers


def _read(bootstrap: str, topic: str, count: int) -> list[Any]:
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": str(uuid.uuid4()), "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    messages: list[Any] = []
    deadline = datetime.now(UTC) + timedelta(seconds=60)
    try:
        while len(messages) < count and datetime.now(UTC) < deadline:
            messages += [
                message for message in consumer.consume(5000, timeout=1.0) if message.error() is None
            ]
    finally:
        consumer.close()
    return messages


def test_what_is_sent_arrives_byte_by_byte_in_order_within_an_account(kafka: Any) -> None:
    suffix = uuid.uuid4().hex[:8]
    specs = topic_specs(
        transactions=f"transactions-{suffix}",
        dead_letter=f"transactions.dead-letter-{suffix}",
        labels=f"fraud-labels-{suffix}",
        partitions=3,
    )
    assert ensure_topics(kafka.bootstrap, specs) == [spec.name for spec in specs]
    assert ensure_topics(kafka.bootstrap, specs) == []
    other = topic_specs(transactions=specs[0].name, partitions=3, retention=timedelta(days=1))
    with pytest.raises(TopicMismatch, match=r"retention\.ms"):
        ensure_topics(kafka.bootstrap, other[:1])

    table = SimulatedBank(3, 1000, start=datetime(2026, 1, 1, tzinfo=UTC)).day(0).transactions
    with TransactionProducer(kafka.bootstrap, specs[0].name) as producer:
        producer.send_table(table)
    messages = _read(kafka.bootstrap, specs[0].name, table.num_rows)

    sent, received = {}, {}
    for key, value in encode(table):
        sent.setdefault(key, []).append(value)
    partitions: dict[bytes, set[int]] = {}
    for message in sorted(messages, key=lambda m: (m.partition(), m.offset())):
        received.setdefault(message.key(), []).append(message.value())
        partitions.setdefault(message.key(), set()).add(message.partition())
    assert received == sent
    assert all(len(numbers) == 1 for numbers in partitions.values())
