"""The bank's labels: each once, when it has become known, however often the stream stops in between."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.pipeline.bank import BankFeed, Disturbances
from include.stores.lake.files import Lake
from include.transactions.labels import LabelEvent, validate_label

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


class Topic:
    """Takes records and confirms them."""

    def __init__(self) -> None:
        self.records: list[tuple[bytes, bytes | None]] = []

    def send(self, records: Iterator[tuple[bytes, bytes | None]]) -> int:
        before = len(self.records)
        self.records += records
        return len(self.records) - before

    def labels(self) -> list[LabelEvent]:
        judged = [validate_label(value, key, NOW) for key, value in self.records]
        assert all(isinstance(label, LabelEvent) for label in judged), judged
        return [label for label in judged if isinstance(label, LabelEvent)]


def feed(lake: Lake) -> BankFeed:
    return BankFeed(lake, seed=3, customers=150, training_days=3, now=NOW)


def send(bank: BankFeed, count: int) -> None:
    bank.send(count, lambda records: len(list(records)), Disturbances(), NOW)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path.as_uri())


def test_labels_come_in_pieces_without_a_gap_or_a_repetition(lake: Lake, tmp_path: Path) -> None:
    pieces, whole = Topic(), Topic()
    for _ in range(4):
        bank = feed(lake)
        send(bank, 200)
        bank.send_labels(pieces.send)
    assert feed(lake).send_labels(pieces.send) == 0
    at_once = feed(Lake((tmp_path / "other").as_uri()))
    send(at_once, 800)
    at_once.send_labels(whole.send)
    assert pieces.records == whole.records
    assert len(pieces.records) > 10


def test_only_what_was_known_when_the_stream_got_there(lake: Lake) -> None:
    bank, topic = feed(lake), Topic()
    begin = bank.reached
    send(bank, 500)
    bank.send_labels(topic.send)
    times = [label.labelled_at for label in topic.labels()]
    assert times == sorted(times)
    assert begin <= times[0]
    assert times[-1] < bank.reached <= NOW + timedelta(days=1)


def test_labels_that_were_not_confirmed_are_sent_again(lake: Lake) -> None:
    def lose(records: Iterator[tuple[bytes, bytes | None]]) -> int:
        raise ConnectionError

    bank, topic = feed(lake), Topic()
    send(bank, 500)
    with pytest.raises(ConnectionError):
        bank.send_labels(lose)
    assert feed(lake).send_labels(topic.send) == len(bank.labels(bank.reached)) > 0
