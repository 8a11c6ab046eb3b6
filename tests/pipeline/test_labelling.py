"""Labels into batches: every one once, whatever is broken off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.pipeline.known_labels import HistoricTransaction, labels_until, verdicts
from include.pipeline.labelling import LabelJob
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, batch_folder
from include.stores.lake.names import LABELS
from include.stores.memory.labels import MemoryLabelStore
from include.transactions.labels import LabelEvent, LabelRecord, encode_label
from tests.fuzzing import fuzzed

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
OCCURRED = NOON - timedelta(days=2)
KNOWN = {f"T{n}": HistoricTransaction(f"M{n}", OCCURRED) for n in range(5)}


def record(offset: int, label: LabelEvent | None = None, partition: int = 0) -> LabelRecord:
    key, value = encode_label(label) if label else (b"T9", b"{broken")
    return LabelRecord(partition, offset, key, value, NOON)


def label(number: int, source: str = "ANALYST", *, is_fraud: bool = True, hours_ago: float = 1) -> LabelEvent:
    return LabelEvent(f"T{number}", "A1", is_fraud, source, NOON - timedelta(hours=hours_ago))


class Topic:
    """Records by partition; reads like ``read_labels``."""

    def __init__(self, *records: LabelRecord) -> None:
        self.records = list(records)

    def ends(self) -> dict[int, int]:
        partitions = {one.partition for one in self.records}
        return {p: 1 + max(one.offset for one in self.records if one.partition == p) for p in partitions}

    def read(self, start: Mapping[int, int], ends: Mapping[int, int]) -> Iterator[LabelRecord]:
        for one in self.records:
            if start.get(one.partition, 0) <= one.offset < ends.get(one.partition, 0):
                yield one


class DeadLetters:
    """Keeps what was sent; once each, as the port promises."""

    def __init__(self) -> None:
        self.sent: dict[tuple[int, int], list[str]] = {}

    def connect(self) -> None: ...

    def send(self, dead: Iterable[pa.Table], batch: int, tail: Mapping[str, int] | None) -> dict[str, int]:
        for row in [row for piece in dead for row in piece.to_pylist()]:
            self.sent[row["kafka_partition"], row["kafka_offset"]] = row["errors"]
        return {"0": len(self.sent)}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path.as_uri())


def job(topic: Topic, lake: Lake, store: Any, dead: DeadLetters, **more: Any) -> LabelJob:
    known = more.pop("known", KNOWN)
    find = lambda ids: {one: known[one] for one in ids if one in known}  # noqa: E731
    return LabelJob(topic.read, find, lake, store, dead, **more)


def test_good_labels_are_kept_and_told_and_bad_ones_refused_with_their_reasons(lake: Lake) -> None:
    topic = Topic(record(0, label(1)), record(1), record(2, label(2, "CUSTOMER", is_fraud=False)))
    store, dead = MemoryLabelStore(), DeadLetters()
    assert job(topic, lake, store, dead).run(topic.ends()) == [0]
    table = lake.read_table(f"{batch_folder(LABELS, 0)}/data.parquet")
    assert table["transaction_id"].to_pylist() == ["T1", "T2"]
    assert table["kafka_offset"].to_pylist() == [0, 2]
    assert store.get_many(["T1", "T2"]) == {
        "T1": [label(1)],
        "T2": [label(2, "CUSTOMER", is_fraud=False)],
    }
    assert list(dead.sent) == [(0, 1)]
    manifest = BatchLedger(lake).manifest(LABELS, 0) or {}
    assert manifest["counts"] == {"read": 3, "accepted": 2, "dead_lettered": 1}
    late = {"labels": 1, "median": pytest.approx(2 - 1 / 24, abs=1e-3), "p95": pytest.approx(1.958, abs=1e-3)}
    assert manifest["delay_days"] == {"ANALYST": late, "CUSTOMER": late}


def test_it_goes_on_where_it_ended_and_an_empty_wake_up_makes_no_batch(lake: Lake) -> None:
    topic = Topic(record(0, label(1)))
    store, dead = MemoryLabelStore(), DeadLetters()
    assert job(topic, lake, store, dead).run(topic.ends()) == [0]
    assert job(topic, lake, store, dead).run(topic.ends()) == []
    topic.records += [record(1, label(2)), record(0, label(3), partition=4)]
    assert job(topic, lake, store, dead).run(topic.ends()) == [1]
    table = lake.read_table(f"{batch_folder(LABELS, 1)}/data.parquet")
    assert sorted(table["transaction_id"].to_pylist()) == ["T2", "T3"]


def _flood(*sizes: tuple[int, int]) -> Topic:
    """Records of partitions and sizes, numbered by partition, mixed as given."""
    offsets: Counter[int] = Counter()
    records = []
    for partition, size in sizes:
        records.append(LabelRecord(partition, offsets[partition], b"", b"{" + b"x" * (size - 1), NOON))
        offsets[partition] += 1
    return Topic(*records)


def test_large_records_become_batches_of_bounded_bytes(lake: Lake) -> None:
    """A partition is taken until its bytes are more than a batch takes; the others go on."""
    topic = _flood(*[(0, 400)] * 7, *[(1, 10)] * 5, (0, 5_000), (0, 10))
    dead = DeadLetters()
    made = job(topic, lake, MemoryLabelStore(), dead, max_bytes=1_000).run(topic.ends())
    ledger = BatchLedger(lake)
    ends = [(ledger.manifest(LABELS, batch) or {})["positions"]["offsets"] for batch in made]
    assert ends == [{"0": 3, "1": 5}, {"0": 6, "1": 5}, {"0": 8, "1": 5}, {"0": 9, "1": 5}]
    assert [(ledger.manifest(LABELS, batch) or {})["counts"]["read"] for batch in made] == [8, 3, 2, 1]
    assert len(dead.sent) == 14


def test_keys_count_as_well(lake: Lake) -> None:
    topic = Topic(*[LabelRecord(0, n, b"k" * 600, None, NOON) for n in range(4)])
    made = job(topic, lake, MemoryLabelStore(), DeadLetters(), max_bytes=1_000).run(topic.ends())
    assert made == [0, 1]


@fuzzed(60)
@given(
    sizes=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 900)), min_size=1, max_size=25),
    mixing=st.randoms(use_true_random=False),
)
def test_however_partitions_are_mixed_a_batch_is_cut_alike(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[tuple[int, int]], mixing: Any
) -> None:
    """A second try that cut elsewhere would send a dead letter once more."""
    topic, other = _flood(*sizes), _flood(*sizes)
    turns = [one.partition for one in topic.records]
    mixing.shuffle(turns)
    waiting = {p: iter([one for one in topic.records if one.partition == p]) for p in turns}
    other.records = [next(waiting[p]) for p in turns]
    cuts = []
    for one in (topic, other):
        its = Lake(tmp_path_factory.mktemp("lake").as_uri())
        made = job(one, its, MemoryLabelStore(), DeadLetters(), max_bytes=1_000).run(one.ends())
        cuts.append([(BatchLedger(its).manifest(LABELS, b) or {})["positions"]["offsets"] for b in made])
    assert cuts[0] == cuts[1]


def test_a_long_backlog_becomes_bounded_batches(lake: Lake) -> None:
    topic = Topic(*[record(n, label(n % 5)) for n in range(10)])
    made = job(topic, lake, MemoryLabelStore(), DeadLetters(), max_records=4).run(topic.ends())
    assert made == [0, 1, 2]
    rows = [lake.read_table(f"{batch_folder(LABELS, batch)}/data.parquet").num_rows for batch in made]
    assert rows == [4, 4, 2]


def test_a_label_of_an_unknown_transaction_is_kept_without_a_delay(lake: Lake) -> None:
    topic, store = Topic(record(0, label(77))), MemoryLabelStore()
    job(topic, lake, store, DeadLetters()).run(topic.ends())
    assert store.get_many(["T77"]) == {"T77": [label(77)]}
    assert (BatchLedger(lake).manifest(LABELS, 0) or {})["delay_days"] == {}


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("dies_at", ["put", "send", "complete"])
def test_killed_anywhere_and_run_again_nothing_is_lost_or_doubled(
    dies_at: str, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, store, dead = Topic(record(0, label(1)), record(1)), MemoryLabelStore(), DeadLetters()
    owner: Any = {"put": MemoryLabelStore, "send": DeadLetters, "complete": BatchLedger}[dies_at]

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    first = job(topic, lake, store, dead)
    with monkeypatch.context() as patched:
        patched.setattr(owner, dies_at, die)
        with pytest.raises(Killed):
            first.run(topic.ends())
    topic.records.append(record(2, label(2)))  # more has come by the second try
    assert job(topic, lake, store, dead).run(topic.ends()) == [0]
    table = lake.read_table(f"{batch_folder(LABELS, 0)}/data.parquet")
    assert table["transaction_id"].to_pylist() == ["T1", "T2"]
    assert sorted(store.get_many(["T1", "T2"])) == ["T1", "T2"]
    assert list(dead.sent) == [(0, 1)]
    assert (BatchLedger(lake).manifest(LABELS, 0) or {})["counts"]["read"] == 3


def joined(lake: Lake, batch: int) -> list[dict[str, Any]]:
    return verdicts(lake, batch, batch + 1).to_pylist()


def test_labels_are_joined_with_their_transactions(lake: Lake) -> None:
    topic = Topic(record(0, label(1)), record(1, label(2, is_fraud=False)))
    job(topic, lake, MemoryLabelStore(), DeadLetters()).run(topic.ends())
    rows = joined(lake, 0)
    assert [(row["transaction_id"], row["counterparty_id"], row["is_fraud"]) for row in rows] == [
        ("T1", "M1", True),
        ("T2", "M2", False),
    ]
    assert {row["occurred_at"] for row in rows} == {OCCURRED}
    assert labels_until(lake) == 1


def test_a_label_waits_for_its_transaction_and_not_for_ever(lake: Lake) -> None:
    topic, store = Topic(record(0, label(77)), record(1, label(88))), MemoryLabelStore()
    job(topic, lake, store, DeadLetters()).run(topic.ends())
    assert joined(lake, 0) == []
    topic.records.append(record(2, label(1)))
    now_known = KNOWN | {"T77": HistoricTransaction("M77", OCCURRED)}
    job(topic, lake, store, DeadLetters(), known=now_known).run(topic.ends())
    assert [row["transaction_id"] for row in joined(lake, 1)] == ["T1", "T77"]
    later = LabelRecord(0, 3, *encode_label(label(2)), NOON + timedelta(days=31))
    topic.records.append(later)
    job(topic, lake, store, DeadLetters(), known=now_known).run(topic.ends())
    topic.records.append(LabelRecord(0, 4, *encode_label(label(3)), NOON + timedelta(days=32)))
    found = now_known | {"T88": HistoricTransaction("M88", OCCURRED)}
    job(topic, lake, store, DeadLetters(), known=found).run(topic.ends())
    assert [row["transaction_id"] for row in joined(lake, 3)] == ["T3"]


def test_a_weaker_word_changes_no_verdict_and_a_stronger_one_counts_from_when_it_overruled(
    lake: Lake,
) -> None:
    topic, store = Topic(record(0, label(1, "CHARGEBACK", hours_ago=3))), MemoryLabelStore()
    topic.records.append(record(1, label(2, "CUSTOMER", is_fraud=False, hours_ago=2)))
    job(topic, lake, store, DeadLetters()).run(topic.ends())
    topic.records.append(record(2, label(1, "CUSTOMER", is_fraud=False)))
    topic.records.append(record(3, label(2, "ANALYST", hours_ago=5)))
    job(topic, lake, store, DeadLetters()).run(topic.ends())
    (row,) = joined(lake, 1)
    assert (row["transaction_id"], row["is_fraud"], row["source"]) == ("T2", True, "ANALYST")
    assert row["labelled_at"] == NOON - timedelta(hours=2)
