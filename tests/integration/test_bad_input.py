"""Odd records through the very function the DAG calls, on real Kafka, Spark, Cassandra and a lake.

More than a thousand over several batches, 10 MB ones among them: no batch stops, each record is refused with its bytes
and every reason or accepted as the reference validator says, and what was produced is all that came out.
"""

from __future__ import annotations

import json
import logging
import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import strategies as st

from include.orchestration import tasks
from include.pipeline.models import rule_book
from include.rules.loader import RULES_DIRECTORY
from include.settings import Settings, Stream, Topics, settings
from include.spark.parsing import parse
from include.stores.cassandra.queries import transactions
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, accepted_file
from include.transactions.contract import FIELDS, REUSED_TRANSACTION_ID
from include.transactions.dead_letter_box import DeadLetterBox
from include.transactions.errors import RecordTooLarge
from include.transactions.offsets import TopicOffsets
from include.transactions.producer import TransactionProducer
from include.transactions.reading import read_between
from include.transactions.topics import MAX_RECORD_BYTES
from include.transactions.validation import Parsed, validate
from tests.conftest import KafkaServer
from tests.fuzzing import fuzzed
from tests.integration.test_dead_letter_box import wait_for_leaders
from tests.transactions.odd_records import ACCOUNT, Odd, base, encoded, fixed, large, odd_records

pytestmark = pytest.mark.servers

RETENTION = timedelta(days=30)
#: Of several batches.
MOST_IN_A_BATCH = 400


@dataclass(frozen=True)
class Came:
    """A record as the topic has it."""

    key: bytes | None
    value: bytes | None
    at: datetime

    def judged(self) -> Parsed | list[str]:
        return validate(self.value, self.key, self.at, RETENTION)


@dataclass
class Flow:
    """A topic, the lake behind it, and the task."""

    config: dict[str, str]
    names: dict[str, str]
    lake: Lake

    def send(self, records: list[Odd]) -> None:
        producer = Producer({**self.config, "message.max.bytes": 20_000_000, "linger.ms": 20})
        failed: list[object] = []
        for one in records:
            producer.produce(
                self.names["transactions"],
                one.value,
                one.key,
                partition=0 if one.key is None else -1,
                on_delivery=lambda error, _: failed.append(error) if error else None,
            )
            producer.poll(0)
        assert producer.flush(60) == 0
        assert failed == []

    def came(self) -> dict[tuple[int, int], Came]:
        """Everything that is in the topic, by partition and offset."""
        with TopicOffsets(self.config, self.names["transactions"]) as offsets:
            ends = offsets.ends()
        found = {}
        for message in read_between(self.config, self.names["transactions"], {}, ends):
            at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=message.timestamp()[1])
            found[message.partition(), message.offset()] = Came(message.key(), message.value(), at)
        return found

    def counts(self) -> Counter[str]:
        ledger, total = BatchLedger(self.lake), Counter[str]()
        for batch in range(ledger.cursor(Stage.ACCEPTED).next_batch):
            total.update((ledger.manifest(Stage.ACCEPTED, batch) or {})["counts"])
        return total

    def accepted(self) -> list[dict[str, Any]]:
        batches = range(BatchLedger(self.lake).cursor(Stage.ACCEPTED).next_batch)
        return [row for batch in batches for row in self.lake.read_table(accepted_file(batch)).to_pylist()]


@pytest.fixture
def stream(
    kafka: KafkaServer, spark: Any, cassandra_session: Any, topics: dict[str, str], tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Flow:  # fmt: skip
    config = {"bootstrap.servers": kafka.bootstrap}
    wait_for_leaders(config, topics)
    now = settings().model_copy(
        update={
            "topics": Topics(**topics),
            "lake_uri": tmp_path.as_uri(),
            "stream": Stream(max_offsets_per_batch=MOST_IN_A_BATCH, max_run_seconds=600),
        }
    )

    @contextmanager
    def session_soon() -> Iterator[Any]:
        yield lambda: cassandra_session

    def of_the_test() -> Settings:
        return now

    monkeypatch.setattr(tasks, "settings", of_the_test)
    monkeypatch.setattr(tasks, "kafka_config", lambda: config)
    monkeypatch.setattr(tasks, "spark_session", lambda lake: spark)
    monkeypatch.setattr(tasks, "cassandra_session_soon", session_soon)
    cassandra_session.execute("TRUNCATE seen_transactions", timeout=60)
    return Flow(config, topics, Lake(tmp_path.as_uri()))


def test_the_whole_corpus_is_settled(stream: Flow) -> None:
    now = datetime.now(UTC)
    records = fixed(now)
    assert len(records) >= 1_000
    stream.send(records[:-60])
    first = tasks.process()
    # Duplicates and other contents under known ids come in later batches.
    stream.send(records[-60:] + large(now) + [one for one in records if one.kind == "injection"][:25])
    second = tasks.process()
    assert len(first) >= 3
    assert second
    came, counts = stream.came(), stream.counts()
    assert len(came) == len(records) + len(large(now)) + 25
    assert counts["read"] == len(came) == counts["accepted"] + counts["duplicates"] + counts["dead_lettered"]

    letters = {
        tuple(one.source_place): one
        for one in DeadLetterBox(stream.config, stream.names["dead_letter"]).letters()
    }
    refused = {place: one for place, one in came.items() if not isinstance(one.judged(), Parsed)}
    accepted = {(row["kafka_partition"], row["kafka_offset"]): row for row in stream.accepted()}
    first = {row["transaction_id"]: came[place].judged() for place, row in accepted.items()}
    reused = {
        place: one
        for place, one in came.items()
        if isinstance(judged := one.judged(), Parsed) and not repeats(judged, first[judged.transaction_id])
    }
    assert len(reused) >= 40
    assert set(letters) == {*refused, *reused}
    for place, letter in letters.items():
        one = came[place]
        assert (letter.key, letter.value, letter.arrived_at) == (one.key, one.value, one.at)
        assert list(letter.reasons) == ([REUSED_TRANSACTION_ID] if place in reused else one.judged())

    ids = {judged.transaction_id for one in came.values() if isinstance(judged := one.judged(), Parsed)}
    assert len(accepted) == counts["accepted"] == len(ids)
    assert {row["transaction_id"] for row in accepted.values()} == ids
    for place, row in accepted.items():
        judged = came[place].judged()
        assert isinstance(judged, Parsed)
        same(judged, row)
    # In megabytes: what settled these batches has not held every large record several times over.
    logging.getLogger(__name__).info(
        "peak memory %s MB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    )


def repeats(judged: Parsed, first: Parsed | list[str]) -> bool:
    """Whether all that the contract defines is the same."""
    assert isinstance(first, Parsed)
    return all(getattr(judged, rule.name) == getattr(first, rule.name) for rule in FIELDS)


def same(judged: Parsed, row: dict[str, Any]) -> None:
    """An accepted row has what the reference validator read."""
    for name in Parsed.__dataclass_fields__:
        expected, got = getattr(judged, name), row[name]
        if name == "extra" and expected is not None:
            assert json.loads(got, parse_int=float) == json.loads(expected, parse_int=float)
        else:
            assert got == expected, name


def test_records_made_up_are_judged_alike(spark: Any) -> None:
    now = datetime.now(UTC)

    @fuzzed(6, share=0.01)
    @given(records=st.lists(odd_records(now), min_size=60, max_size=200))
    def holds(records: list[Odd]) -> None:
        table = pa.table(
            {
                "key": pa.array([one.key for one in records], pa.binary()),
                "value": pa.array([one.value for one in records], pa.binary()),
                "partition": pa.array([0] * len(records), pa.int32()),
                "offset": pa.array(range(len(records)), pa.int64()),
                "timestamp": pa.array([now] * len(records), pa.timestamp("us", "UTC")),
            }
        )
        rows = parse(spark.createDataFrame(table), RETENTION).orderBy("kafka_offset").toArrow().to_pylist()
        for one, row in zip(records, rows, strict=True):
            judged = validate(one.value, one.key, now, RETENTION)
            if row["errors"] is None:  # undecided, and judged when the batch is settled
                assert (row["raw_value"], row["raw_key"]) == (one.value, one.key)
            else:
                assert row["errors"] == []
                assert isinstance(judged, Parsed), one
                same(judged, row)

    holds()


def test_what_is_too_large_for_the_topic_is_refused_at_the_source(stream: Flow, kafka: KafkaServer) -> None:
    now, key = datetime.now(UTC), ACCOUNT.encode()
    sound = encoded(base(now, transaction_id="sound"))
    with TransactionProducer(kafka.bootstrap, stream.names["transactions"]) as producer:
        with pytest.raises(
            RecordTooLarge, match=r"at most 16,777,216 bytes, got a larger one; a transaction may have"
        ):
            producer.deliver([(key, b"x" * (MAX_RECORD_BYTES + 1))])
        producer.deliver([(key, sound)])
    tasks.process()
    assert stream.counts() == {"read": 1, "accepted": 1, "duplicates": 0, "dead_lettered": 0}


def test_a_producer_of_others_is_refused_by_the_brokers(stream: Flow) -> None:
    failed: list[Any] = []
    producer = Producer({**stream.config, "message.max.bytes": 100_000_000})
    producer.produce(
        stream.names["transactions"], b"x" * (MAX_RECORD_BYTES + 1), on_delivery=lambda e, _: failed.append(e)
    )
    assert producer.flush(60) == 0
    assert [error.name() for error in failed] == ["MSG_SIZE_TOO_LARGE"]
    assert stream.came() == {}


def test_a_flood_of_large_records_is_settled_in_bounded_memory(stream: Flow) -> None:
    """60 records of 10 MB: many times what may be in memory at once, were they all."""
    now = datetime.now(UTC)
    one = large(now)[1]
    for _ in range(10):
        stream.send([one] * 6)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tasks.process()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    assert stream.counts()["dead_lettered"] == 60
    assert grown < 300, f"expected less than half of the 600 MB that the records have, got {grown} MB more"


def test_a_stranger_in_the_dead_letter_topic_stops_nothing(stream: Flow) -> None:
    producer = Producer(stream.config)
    for headers in ([], [("reasons", b"\xff")], [("source.topic", stream.names["transactions"].encode())]):
        producer.produce(stream.names["dead_letter"], b"not ours", headers=headers)
    assert producer.flush(30) == 0
    stream.send([Odd("broken", ACCOUNT.encode(), b"{")])
    tasks.process()
    letters = list(DeadLetterBox(stream.config, stream.names["dead_letter"]).letters())
    assert sorted(one.source_topic for one in letters) == ["", "", "", stream.names["transactions"]]


def test_accepted_odd_records_are_scored_and_stored(
    stream: Flow, cassandra_session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def session() -> Iterator[Any]:
        yield cassandra_session

    now = datetime.now(UTC)
    odd = [one for one in fixed(now) if isinstance(validate(one.value, one.key, now, RETENTION), Parsed)]
    assert len(odd) >= 250
    rule_book(stream.lake).publish_shipped(RULES_DIRECTORY)
    monkeypatch.setattr(tasks, "cassandra_session", session)
    for cached in (tasks._registry, tasks._rules):
        cached.cache_clear()
    try:
        stream.send(odd)
        batches = tasks.process()
        assert tasks.score(None) == batches
        assert tasks.load(None) == batches
    finally:
        for cached in (tasks._registry, tasks._rules):
            cached.cache_clear()
    accepted = {row["transaction_id"]: row for row in stream.accepted()}
    stored = transactions(cassandra_session, sorted(accepted))
    assert set(stored) == set(accepted)
    for name, row in accepted.items():
        assert (stored[name].counterparty_id, stored[name].occurred_at) == (
            row["counterparty_id"],
            row["occurred_at"],
        )
