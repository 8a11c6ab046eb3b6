"""The producer against librdkafka's own in-process broker, which speaks the protocol."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from include.transactions.errors import DeliveryFailed, RecordTooLarge
from include.transactions.producer import TransactionProducer
from include.transactions.simulator import SimulatedBank

MOCK = {"test.mock.num.brokers": 1, "log_level": 2}
RECORDS = [(b"A-%d" % (n % 7), b"value %d" % n) for n in range(1500)]


def test_everything_is_confirmed_and_progress_is_told() -> None:
    told: list[int] = []
    with TransactionProducer("mock", "transactions", config=MOCK) as producer:
        assert producer.send_records(iter(RECORDS), on_progress=told.append) == 1500
        producer.flush(20)
        assert producer.waiting == 0
    assert told == [500, 1000, 1500, 1500]
    assert producer.handed_over == 1500


def test_a_table_is_sent_whole() -> None:
    table = SimulatedBank(1, 60, start=datetime(2026, 1, 1, tzinfo=UTC)).day(0).transactions
    with TransactionProducer("mock", "transactions", config=MOCK) as producer:
        assert producer.send_table(table) == table.num_rows


def test_a_full_queue_waits_and_loses_nothing() -> None:
    with TransactionProducer("mock", "t", config={**MOCK, "queue.buffering.max.messages": 100}) as producer:
        assert producer.send_records(RECORDS) == 1500
    assert producer.waiting == 0


def test_the_rate_is_kept() -> None:
    with TransactionProducer("mock", "t", config=MOCK) as producer:
        begin = time.monotonic()
        producer.send_records(RECORDS[:300], rate=500)
        assert 0.45 < time.monotonic() - begin < 2.0


NOBODY = {"delivery.timeout.ms": 400, "socket.timeout.ms": 300, "linger.ms": 0, "log_level": 0}


def test_nobody_there_is_a_delivery_failure() -> None:
    producer = TransactionProducer("127.0.0.1:1", "transactions", config=NOBODY)
    producer.send_records(RECORDS[:5])
    with pytest.raises(DeliveryFailed, match=r"127\.0\.0\.1:1 .* of 'transactions', 5 failed") as caught:
        producer.flush()
    assert caught.value.failed == 5
    producer.flush()  # told once; what follows starts anew


def test_a_later_send_tells_of_earlier_failures() -> None:
    producer = TransactionProducer("127.0.0.1:1", "transactions", config=NOBODY)
    producer.send_records(RECORDS[:3])
    time.sleep(1.5)
    with pytest.raises(DeliveryFailed, match="3 failed"):
        producer.send_records([])


def test_impatience_is_not_called_success() -> None:
    producer = TransactionProducer("127.0.0.1:1", "t", config={**NOBODY, "delivery.timeout.ms": 60_000})
    producer.send_records(RECORDS[:5])
    with pytest.raises(DeliveryFailed, match="5 still wait") as caught:
        producer.flush(0.1)
    assert caught.value.unconfirmed == 5


def test_a_record_that_is_too_large_is_refused_at_once() -> None:
    producer = TransactionProducer("mock", "t", config={**MOCK, "message.max.bytes": 1000})
    with pytest.raises(RecordTooLarge, match="at most 1,000 bytes"):
        producer.send_records([(b"k", b"x" * 5000)])
