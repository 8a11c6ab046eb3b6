"""The reference validator over more than a thousand odd records: it judges all of them, the same wherever it runs."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from include.stores.lake.files import Lake
from include.transactions.contract import MAX_DEPTH, REASON_KEY, REASON_SIZE, REASON_TOMBSTONE
from include.transactions.labels import LabelEvent, LabelRecord, validate_label
from include.transactions.resending import check
from include.transactions.validation import Parsed, validate
from tests.fuzzing import fuzzed
from tests.pipeline.test_labelling import NOON, DeadLetters, MemoryLabelStore, Topic, job
from tests.transactions.odd_records import Odd, fixed, large, odd_records

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
MONTH = timedelta(days=30)
KINDS = {
    "broken UTF-8", "truncated", "nested", "no object", "unknown fields", "missing", "null", "types and numbers",
    "wrong enum", "control characters", "injection", "dates", "keys", "tombstone", "duplicate",
    "same id, other content", "same id, broken",
}  # fmt: skip


def judged(one: Odd) -> Parsed | list[str]:
    return validate(one.value, one.key, NOW, MONTH)


def test_the_corpus_is_large_has_every_kind_and_is_the_same_every_time() -> None:
    records = fixed(NOW)
    assert len(records) >= 1_000
    assert {one.kind for one in records} == KINDS
    assert fixed(NOW) == records


def test_every_record_is_judged_and_both_ways_are_taken() -> None:
    accepted = Counter(one.kind for one in fixed(NOW) if isinstance(judged(one), Parsed))
    refused = Counter(one.kind for one in fixed(NOW) if not isinstance(judged(one), Parsed))
    assert set(accepted) >= {
        "injection",
        "dates",
        "nested",
        "unknown fields",
        "types and numbers",
        "control characters",
    }
    assert set(refused) == KINDS - {"injection", "duplicate", "same id, other content"}


def test_large_records_are_refused_for_their_size_alone() -> None:
    found = [judged(one) for one in large(NOW)]
    assert found == [[REASON_SIZE]] * 7 + [[REASON_KEY], [REASON_TOMBSTONE]]  # the last two have large keys


@fuzzed(300)
@given(one=odd_records(NOW))
def test_records_made_up_are_judged(one: Odd) -> None:
    found = judged(one)
    assert isinstance(found, Parsed) or found
    again = check(one.value, NOW, MONTH)
    assert bool(again.reasons) or isinstance(again.transaction_id, str)


def test_how_deep_the_caller_is_makes_no_difference() -> None:
    """The reader's own stack decides nothing: deep inside other calls the verdict is that of the outermost."""
    records = [one for one in fixed(NOW) if one.kind == "nested"]
    outside = [judged(one) for one in records]

    def inside(levels: int) -> list[Parsed | list[str]]:
        return inside(levels - 1) if levels else [judged(one) for one in records]

    assert inside(500) == outside
    depths = [len(one.extra or "") for one in outside if isinstance(one, Parsed)]
    assert max(depths) >= MAX_DEPTH


@fuzzed(200)
@given(one=odd_records(NOW), key=st.binary(max_size=8))
def test_labels_are_judged(one: Odd, key: bytes) -> None:
    found = validate_label(one.value, key, NOW)
    assert isinstance(found, LabelEvent) or found


@fuzzed(25)
@given(records=st.lists(odd_records(NOW), max_size=20), wrong=st.dictionaries(
    st.sampled_from(["transaction_id", "account_id", "is_fraud", "source", "labelled_at"]),
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.none(), max_size=2)
    | st.sampled_from(["ANALYST", "2026-03-02T11:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
                       "1000-01-01T00:00:00+18:00"]),
))  # fmt: skip
def test_odd_labels_stop_no_batch(
    tmp_path_factory: object, records: list[Odd], wrong: dict[str, object]
) -> None:
    """read = accepted + dead-lettered, whatever the topic holds."""
    good = {"transaction_id": "T1", "account_id": "A1", "is_fraud": True, "source": "ANALYST",
            "labelled_at": "2026-03-02T11:00:00Z"}  # fmt: skip
    values = [one.value for one in records] + [json.dumps(good | wrong).encode(), json.dumps(good).encode()]
    topic = Topic(*(LabelRecord(0, n, b"T1", value, NOON) for n, value in enumerate(values)))
    folder: Path = tmp_path_factory.mktemp("lake")  # type: ignore[attr-defined]
    dead, lake = DeadLetters(), Lake(folder.as_uri())
    assert job(topic, lake, MemoryLabelStore(), dead).run(topic.ends()) == [0]
    counts = lake.read_json("labels/batch=0000000000/manifest.json")
    manifest = counts or next(lake.read_json(f"labels/{name}/manifest.json") for name in lake.names("labels"))
    assert manifest["counts"]["read"] == len(values)
    assert manifest["counts"]["accepted"] + len(dead.sent) == len(values)
    assert all(dead.sent.values())
