"""The dead-letter box on real Kafka: the newest first over partitions and markers, one by its place, sent again."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from confluent_kafka import KafkaException

from include.stores.memory.resent import MemoryResentStore
from include.transactions import dead_letter_box
from include.transactions.dead_letter import Place
from include.transactions.dead_letter_box import DeadLetterBox
from include.transactions.dead_letters import KafkaDeadLetters
from include.transactions.offsets import TopicOffsets
from include.transactions.producer import TransactionProducer
from include.transactions.reading import read_between
from include.transactions.resending import Resender
from include.transactions.schema import ARRIVAL_SCHEMA
from tests.conftest import KafkaServer
from tests.transactions.test_resending import event

pytestmark = pytest.mark.servers


def _dead(values: list[bytes | None], first_offset: int) -> pa.Table:
    rows: list[dict[str, Any]] = [
        {
            "kafka_partition": 0,
            "kafka_offset": first_offset + n,
            "arrived_at": datetime.now(UTC),
            "errors": [f"reason {first_offset + n}", "another reason"],
            "raw_key": f"key {first_offset + n}".encode(),
            "raw_value": value,
        }
        for n, value in enumerate(values)
    ]
    return pa.Table.from_pylist(rows, schema=ARRIVAL_SCHEMA)


def wait_for_leaders(config: dict[str, str], topics: dict[str, str], seconds: float = 30) -> None:
    """On a busy machine it takes a moment until every partition of a new topic has a leader."""
    end = time.monotonic() + seconds
    for name in topics.values():
        with TopicOffsets(config, name) as offsets:
            while True:
                try:
                    offsets.committed_ends()
                    break
                except KafkaException:
                    assert time.monotonic() < end, f"no leader of {name}"
                    time.sleep(0.2)


@pytest.fixture
def box(kafka: KafkaServer, topics: dict[str, str]) -> DeadLetterBox:
    config = {"bootstrap.servers": kafka.bootstrap}
    wait_for_leaders(config, topics)
    return DeadLetterBox(config, topics["dead_letter"])


@pytest.fixture
def filled(kafka: KafkaServer, topics: dict[str, str], box: DeadLetterBox) -> DeadLetterBox:
    """Sixty dead letters in twenty transactions, each of which leaves a marker behind."""
    config = {"bootstrap.servers": kafka.bootstrap}
    queue = KafkaDeadLetters(config, topics["dead_letter"], topics["transactions"])
    tail: dict[str, int] = {}
    for batch in range(20):
        tail = queue.send(_dead([b"{broken", None, b"\xff\x00"], 3 * batch), batch, tail)
    return box


def test_an_empty_box(box: DeadLetterBox) -> None:
    page = box.page(10)
    assert (page.letters, page.older) == ((), None)
    assert box.get(Place(0, 0)) is None
    assert box.get(Place(77, 0)) is None


@pytest.mark.parametrize("piece", [2, 7, 1_000])
def test_pages_hold_every_letter_once_newest_first(
    filled: DeadLetterBox, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(dead_letter_box, "_FIRST", piece)
    pages, before = [], None
    while True:
        page = filled.page(7, before)
        pages.append(page.letters)
        if page.older is None:
            break
        before = page.older
    letters = [letter for page in pages for letter in page]
    assert sorted(letter.source_place.offset for letter in letters) == list(range(60))
    assert [len(page) for page in pages] == [7] * 8 + [4]
    times = [letter.dead_at for letter in letters]
    assert times == sorted(times, reverse=True)
    assert letters == list(filled.letters())


def test_a_letter_is_as_it_was_sent(filled: DeadLetterBox, topics: dict[str, str]) -> None:
    letters = {letter.source_place.offset: letter for letter in filled.letters()}
    one = filled.get(letters[5].place)
    assert one == letters[5]
    assert one is not None
    assert (one.key, one.value, one.batch) == (b"key 5", b"\xff\x00", 1)
    assert one.reasons == ("reason 5", "another reason")
    assert one.source_topic == topics["transactions"]
    assert letters[4].value is None
    assert abs(one.dead_at - one.arrived_at) < timedelta(minutes=1)


def test_a_filter_stops_looking_after_a_while_and_can_go_on(filled: DeadLetterBox) -> None:
    wanted = "reason 3"
    page = filled.page(1, wanted=lambda letter: wanted in letter.reasons, look_at=20)
    assert (page.letters, page.looked_at) == ((), 20)
    looks = 0
    while not page.letters:
        looks += 1
        page = filled.page(1, page.older, wanted=lambda letter: wanted in letter.reasons, look_at=20)
    assert page.letters[0].source_place.offset == 3
    assert looks == 2


def test_corrected_and_sent_again_it_is_in_the_topic_once(
    filled: DeadLetterBox, kafka: KafkaServer, topics: dict[str, str]
) -> None:
    now = datetime.now(UTC)
    letter, value = filled.page(1).letters[0], event(occurred_at=now.isoformat())
    with TransactionProducer(kafka.bootstrap, topics["transactions"]) as producer:
        resender = Resender(
            MemoryResentStore(),
            topics["transactions"],
            lambda key, text: producer.deliver([(key, text)]),
            lambda ids: set(),
            lambda dead, resent: None,
            timedelta(days=30),
        )
        resender.resend(letter, value, "ann")
    config = {"bootstrap.servers": kafka.bootstrap}
    found = list(read_between(config, topics["transactions"], {}, {0: 1, 1: 1, 2: 1}))
    assert [(one.key(), json.loads(one.value())) for one in found] == [(b"A1", json.loads(value))]
