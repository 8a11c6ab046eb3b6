"""Labels on real Kafka and Cassandra; two sources of dead letters share a topic and do not shut each other out."""

from __future__ import annotations

import resource
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from confluent_kafka import Producer

from include.pipeline.labelling import LabelJob
from include.stores.cassandra.labels import CassandraLabelStore
from include.stores.cassandra.queries import transactions
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger
from include.stores.lake.names import LABELS
from include.transactions.dead_letters import KafkaDeadLetters
from include.transactions.label_records import read_labels
from include.transactions.labels import LabelEvent, encode_label
from include.transactions.offsets import TopicOffsets
from include.transactions.schema import ARRIVAL_SCHEMA
from tests.conftest import KafkaServer

pytestmark = pytest.mark.servers


def _run(
    kafka: KafkaServer, topics: dict[str, str], lake: Lake, session: Any, dead: KafkaDeadLetters
) -> list[int]:
    config = {"bootstrap.servers": kafka.bootstrap}
    with TopicOffsets(config, topics["labels"]) as offsets:
        job = LabelJob(
            lambda start, ends: read_labels(config, topics["labels"], start, ends),
            lambda ids: transactions(session, ids),
            lake,
            CassandraLabelStore(session),
            dead,
        )
        return job.run(offsets.ends())


def test_labels_arrive_once_and_refused_ones_become_dead_letters(
    kafka: KafkaServer, cassandra_session: Any, topics: dict[str, str], tmp_path: Path
) -> None:
    config, lake = {"bootstrap.servers": kafka.bootstrap}, Lake(tmp_path.as_uri())
    dead = KafkaDeadLetters(config, topics["dead_letter"], topics["labels"])
    labels = [
        LabelEvent(uuid.uuid4().hex, "A1", n % 2 == 0, "CHARGEBACK", datetime.now(UTC)) for n in range(20)
    ]
    kafka.send(topics["labels"], [encode_label(label) for label in labels])
    assert _run(kafka, topics, lake, cassandra_session, dead) == [0]
    stored = CassandraLabelStore(cassandra_session).get_many([label.transaction_id for label in labels])
    assert stored == {label.transaction_id: [label] for label in labels}

    kafka.send(topics["labels"], [(b"T1", b"{broken"), (b"T2", b'{"transaction_id": "T3"}')])
    assert _run(kafka, topics, lake, cassandra_session, dead) == [1]
    assert _run(kafka, topics, lake, cassandra_session, dead) == []
    assert len(dead.since({})) == 2
    assert (BatchLedger(lake).manifest(LABELS, 1) or {})["counts"] == {
        "read": 2,
        "accepted": 0,
        "dead_lettered": 2,
    }


def test_a_flood_of_large_labels_is_settled_in_bounded_memory(
    kafka: KafkaServer, cassandra_session: Any, topics: dict[str, str], tmp_path: Path
) -> None:
    """60 records of 10 MB, half of them keys: many times what may be in memory at once, were they all."""
    config, lake = {"bootstrap.servers": kafka.bootstrap}, Lake(tmp_path.as_uri())
    dead = KafkaDeadLetters(config, topics["dead_letter"], topics["labels"])
    large = {"bootstrap.servers": kafka.bootstrap, "message.max.bytes": 20_000_000}
    producer, failed = Producer(large), []
    for n in range(30):
        for key, value in ((b"T1", b"x" * 10_000_000), (b"%d" % n + b"k" * 10_000_000, b"{")):
            producer.produce(topics["labels"], value, key, on_delivery=lambda e, _: e and failed.append(e))
        assert producer.flush(60) == 0
    assert failed == []
    good = LabelEvent(uuid.uuid4().hex, "A1", True, "ANALYST", datetime.now(UTC))
    kafka.send(topics["labels"], [encode_label(good)])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    batches = _run(kafka, topics, lake, cassandra_session, dead)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    assert len(batches) >= 20
    assert len(dead.since({})) == 60
    assert BatchLedger(lake).cursor(LABELS).totals == {"read": 61, "accepted": 1, "dead_lettered": 60}
    assert CassandraLabelStore(cassandra_session).get_many([good.transaction_id])
    assert grown < 300, f"expected less than half of the 600 MB that the records have, got {grown} MB more"


def test_more_refusals_and_larger_keys_than_the_client_holds_are_sent(
    kafka: KafkaServer, topics: dict[str, str]
) -> None:
    few = {"bootstrap.servers": kafka.bootstrap, "queue.buffering.max.messages": 10}
    dead = KafkaDeadLetters(few, topics["dead_letter"], topics["transactions"])
    dead.send(_dead(*range(500)), 0, None)
    assert dead.since({}) == {(0, offset) for offset in range(500)}

    small = {"bootstrap.servers": kafka.bootstrap, "queue.buffering.max.kbytes": 16_384}
    dead = KafkaDeadLetters(small, topics["dead_letter"], topics["labels"])
    rows = _dead(*range(12)).to_pylist()
    keyed = pa.Table.from_pylist(
        [row | {"raw_key": b"k" * 4_000_000, "raw_value": None} for row in rows], schema=ARRIVAL_SCHEMA
    )
    dead.send(keyed, 0, None)
    assert dead.since({}) == {(0, offset) for offset in range(12)}


def test_dead_letters_of_two_sources_share_a_topic(kafka: KafkaServer, topics: dict[str, str]) -> None:
    config = {"bootstrap.servers": kafka.bootstrap}
    of_labels = KafkaDeadLetters(config, topics["dead_letter"], topics["labels"])
    of_transactions = KafkaDeadLetters(config, topics["dead_letter"], topics["transactions"])
    of_labels.connect()
    of_transactions.connect()
    tail = of_labels.send(_dead(1, 2), 0, None)
    before = of_transactions.send(_dead(1, 7, 8), 0, None)
    assert of_labels.send(_dead(3), 1, tail)
    assert of_labels.since({}) == {(0, 1), (0, 2), (0, 3)}
    assert of_transactions.since({}) == {(0, 1), (0, 7), (0, 8)}
    assert of_transactions.since(before) == set()


def test_a_second_try_sends_what_the_first_has_not_sent(kafka: KafkaServer, topics: dict[str, str]) -> None:
    config = {"bootstrap.servers": kafka.bootstrap}
    first = KafkaDeadLetters(config, topics["dead_letter"], topics["labels"])
    tail = first.send(_dead(1), 0, None)
    first.send(_dead(2), 1, tail)  # and was killed before the ledger knew
    second = KafkaDeadLetters(config, topics["dead_letter"], topics["labels"])
    end = second.send(_dead(2, 3), 1, tail)
    assert second.since({}) == {(0, 1), (0, 2), (0, 3)}
    assert second.since(tail) == {(0, 2), (0, 3)}
    assert second.since(end) == set()
    assert second.send(_dead(2, 3), 1, tail) == tail  # nothing was left to send
    assert second.since({}) == {(0, 1), (0, 2), (0, 3)}


def _dead(*offsets: int) -> pa.Table:
    rows = [
        {
            "kafka_partition": 0,
            "kafka_offset": offset,
            "arrived_at": datetime.now(UTC),
            "errors": ["broken"],
            "raw_key": b"k",
            "raw_value": b"v",
        }
        for offset in offsets
    ]
    return pa.Table.from_pylist(rows, schema=ARRIVAL_SCHEMA)
