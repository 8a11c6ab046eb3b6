"""A broker of the secure profile lets the project's own readers do what they do, and no more."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from include.local import stack
from include.local.clients import KafkaUser, kafka_client
from include.settings import PROJECT, Settings
from include.transactions.errors import TopicsUnavailable
from include.transactions.offsets import TopicOffsets
from include.transactions.reading import oldest_arrival, read_between
from include.transactions.topics import ensure_topics, topic_specs
from tests.conftest import own_stack
from tests.end_to_end.secure_clients import REFUSED, write

pytestmark = [pytest.mark.servers]

STACK_DIR = PROJECT / ".local" / "test-stack-kafka"
RECORDS = 3


@pytest.fixture(scope="module")
def now() -> Iterator[Settings]:
    """A broker with accounts and rights, and a record in each topic."""
    with own_stack(STACK_DIR, PROFILE="secure", TOPIC_PARTITIONS="1", MEMORY__KAFKA="256") as found:
        stack.up(found, only=["kafka"], say=lambda _: None)
        admin, names = kafka_client(found, "admin"), found.topics.model_dump()
        ensure_topics(
            admin["bootstrap.servers"], topic_specs(**names, partitions=1), admin=AdminClient(admin)
        )
        producer = Producer(kafka_client(found, "broker"))
        for topic in names.values():
            for number in range(RECORDS):
                producer.produce(topic, b"%d" % number, b"ACC")  # labels are compacted: a key each
        assert producer.flush(30) == 0
        yield found
    shutil.rmtree(STACK_DIR, ignore_errors=True)


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("pipeline", "transactions"), ("pipeline", "labels"), ("pipeline", "dead_letter"),
        ("desk", "dead_letter"), ("reader", "transactions"), ("reader", "dead_letter"),
    ],
)  # fmt: skip
def test_who_may_read_a_topic_can_ask_for_single_records(now: Settings, user: KafkaUser, topic: str) -> None:
    config, name = kafka_client(now, user), getattr(now.topics, topic)
    with TopicOffsets(config, name) as offsets:
        assert offsets.ends() == {0: RECORDS}
        written = offsets.written_at(0, 1)
    assert written is not None
    assert oldest_arrival(config, name, {0: 1}) == written
    assert [message.value() for message in read_between(config, name, {0: 1}, {0: RECORDS})] == [b"1", b"2"]


@pytest.mark.parametrize(
    ("user", "topic"), [("reader", "labels"), ("desk", "transactions"), ("bank", "transactions")]
)
def test_nobody_else_is_given_a_record(now: Settings, user: KafkaUser, topic: str) -> None:
    with pytest.raises(TopicsUnavailable):
        list(read_between(kafka_client(now, user), getattr(now.topics, topic), {}, {0: RECORDS}))


def test_the_way_of_a_record_is_asked_by_the_reader(now: Settings) -> None:
    """``make trace PROFILE=secure``, for a record that no batch has read; Cassandra is not there."""
    command = [sys.executable, "-m", "include.auditing.trace", "--offset", "0:1", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "include.local.as_reader", *command],
        cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (way,) = json.loads(done.stdout)
    assert (way["outcome"], [note for note in way["notes"] if "brokers" in note]) == ("waiting", [])


def test_the_reader_changes_nothing(now: Settings) -> None:
    for topic in now.topics.model_dump().values():
        assert write(now, "reader", topic) == REFUSED
    config = {**kafka_client(now, "reader"), "group.id": f"{now.topics.transactions}-reader", "log_level": 0}
    consumer = Consumer({**config, "enable.auto.commit": False})
    try:
        with pytest.raises(KafkaException) as refused:
            consumer.commit(offsets=[TopicPartition(now.topics.transactions, 0, 1)], asynchronous=False)
        assert refused.value.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED
    finally:
        consumer.close()
