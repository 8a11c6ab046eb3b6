"""What counts as standing still: old work and no progress; never an old backlog that drains, nor an idle stage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.alerts.delivery import DeliveryState
from include.pipeline.stalls import (
    GIVEN_UP_LATELY,
    GIVEN_UP_MANY,
    PATIENCE,
    WORK,
    Backlog,
    culprits,
    given_up,
    of_batches,
    of_outbox,
    of_topic,
    sentence,
)
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, batch_folder
from include.stores.memory.alerting import MemoryOutboxStore
from tests.alerts.examples import alert, delivery

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG = PATIENCE + timedelta(seconds=1)

moments = st.none() | st.integers(0, 600).map(lambda seconds: NOW - timedelta(seconds=seconds))


class FakeTopic:
    """Partition 0 holds a record a second, the newest just now."""

    def __init__(self, records: int) -> None:
        self.records = records

    def ends(self) -> dict[int, int]:
        return {0: self.records}

    def before(self, moment: datetime) -> dict[int, int]:
        return {0: max(0, self.records - int((NOW - moment).total_seconds()))}

    def written_at(self, partition: int, offset: int) -> datetime | None:
        return NOW - timedelta(seconds=self.records - offset)


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(tmp_path.as_uri())


def complete(lake: Lake, stage: Stage, batch: int, at: datetime, **positions: object) -> None:
    """Complete a batch as if it had been then."""
    BatchLedger(lake).complete(stage, batch, {}, positions=positions)
    path = f"{batch_folder(stage, batch)}/manifest.json"
    lake.write_json(path, {**lake.read_json(path), "completed_at": at.isoformat()})


@given(since=moments, moved=moments)
def test_stalled_and_caught_up_exclude_each_other(since: datetime | None, moved: datetime | None) -> None:
    backlog = Backlog("scoring", 1, since, moved)
    assert not (backlog.stalled(NOW) and backlog.caught_up(NOW))
    if moved is not None and NOW - moved < PATIENCE:
        assert not backlog.stalled(NOW)


def test_an_empty_lake_waits_for_nothing(lake: Lake) -> None:
    assert [one.stalled(NOW) for one in of_batches(lake)] == [False] * 3
    assert of_topic("processing", FakeTopic(0), lake, NOW).caught_up(NOW)


def test_a_batch_nobody_scores_is_a_stall_and_scoring_it_is_the_end_of_it(lake: Lake) -> None:
    complete(lake, Stage.ACCEPTED, 0, NOW - LONG)
    scoring, alerting, loading = of_batches(lake)
    assert (scoring.stage, scoring.waiting, scoring.since) == ("scoring", 1, NOW - LONG)
    assert scoring.stalled(NOW)
    assert alerting.caught_up(NOW)
    assert loading.caught_up(NOW)
    complete(lake, Stage.SCORED, 0, NOW - timedelta(seconds=1))
    scoring, alerting, _ = of_batches(lake)
    assert scoring.caught_up(NOW)
    assert not alerting.stalled(NOW)  # its work came a second ago


def test_a_backlog_that_drains_is_no_stall(lake: Lake) -> None:
    for batch in range(5):
        complete(lake, Stage.ACCEPTED, batch, NOW - 10 * LONG)
    complete(lake, Stage.SCORED, 0, NOW - timedelta(seconds=5))
    scoring = of_batches(lake)[0]
    assert (scoring.waiting, scoring.stalled(NOW), scoring.caught_up(NOW)) == (4, False, False)
    assert "moves again: 4 batches still wait" in sentence(scoring, "", NOW)


def test_records_count_once_they_have_waited(lake: Lake) -> None:
    fresh = of_topic("processing", FakeTopic(30), lake, NOW)
    assert fresh.caught_up(NOW)  # all of them came within the last half minute
    old = of_topic("processing", FakeTopic(500), lake, NOW)
    assert (old.waiting, old.since) == (440, NOW - timedelta(seconds=500))
    assert old.stalled(NOW)
    complete(lake, Stage.ACCEPTED, 0, NOW - LONG, offsets={"0": 439})
    assert of_topic("processing", FakeTopic(500), lake, NOW).waiting == 1
    complete(lake, Stage.ACCEPTED, 1, NOW - LONG, offsets={"0": 440})
    assert of_topic("processing", FakeTopic(500), lake, NOW).caught_up(NOW)


def test_a_delivery_that_is_due_and_that_nobody_tries_is_a_stall() -> None:
    outbox = MemoryOutboxStore()
    outbox.enqueue([delivery(alert(), created_at=NOW - LONG, arrived_at=NOW - LONG)])
    found = of_outbox(outbox, NOW)
    assert (found.waiting, found.since, found.stalled(NOW)) == (1, NOW - LONG, True)


def test_a_delivery_held_for_later_is_none() -> None:
    outbox = MemoryOutboxStore()
    held = delivery(alert(), created_at=NOW - LONG, arrived_at=NOW - LONG, next_attempt_at=NOW + LONG)
    outbox.enqueue([held])
    assert of_outbox(outbox, NOW).caught_up(NOW)


def test_a_vendor_who_takes_nothing_is_named_with_his_words() -> None:
    outbox = MemoryOutboxStore()
    one = delivery(alert(), created_at=NOW - 3 * LONG, arrived_at=NOW - 3 * LONG)
    outbox.enqueue([one])
    claimed = outbox.claim(one, NOW - 2 * LONG, 10)
    assert claimed is not None
    outbox.failed(claimed, "connection refused", NOW + timedelta(minutes=5))
    found = of_outbox(outbox, NOW)
    assert found.stalled(NOW)
    assert "email takes nothing (connection refused)" in (found.known or "")

    # Something else gets through: one recipient's trouble is no stall of the channel.
    two = delivery(alert(2), created_at=NOW - LONG, arrived_at=NOW - LONG)
    outbox.enqueue([two])
    taken = outbox.claim(two, NOW, 10)
    assert taken is not None
    outbox.delivered(taken, NOW, "v1")
    assert of_outbox(outbox, NOW).caught_up(NOW)


def test_words_name_what_waits_since_when_and_why() -> None:
    words = sentence(Backlog("processing", 1200, NOW - LONG, NOW - 2 * LONG), "kafka does not answer", NOW)
    assert words == (
        "process_transactions stands still: 1,200 records wait, the oldest since 2026-03-01 11:58:59 UTC; "
        "it last finished something at 2026-03-01 11:57:58. Cause: kafka does not answer"
    )


def test_only_servers_a_stage_needs_are_its_culprits() -> None:
    away = {"kafka": "refused", "smtp": "refused", "cassandra": "silent"}
    assert culprits("alerting", away) == ["cassandra does not answer (silent)"]
    assert culprits("deliveries", away)[0].startswith("smtp")
    assert {name for work in WORK.values() for name in work.needs} >= {"kafka", "spark", "cassandra", "smtp"}


def test_many_that_were_given_up_are_told_until_they_are_sent_again() -> None:
    outbox = MemoryOutboxStore()
    made = [
        delivery(alert(number), created_at=NOW - LONG, arrived_at=NOW - LONG)
        for number in range(GIVEN_UP_MANY)
    ]
    outbox.enqueue(made)
    for number, one in enumerate(made):
        assert given_up(outbox, NOW) is None, f"{number} are not many"
        claimed = outbox.claim(one, NOW, 10)
        assert claimed is not None
        outbox.dead(claimed, "550 sender refused", NOW)
    words = given_up(outbox, NOW)
    assert words is not None
    assert f"{GIVEN_UP_MANY} messages of the last day were given up (email {GIVEN_UP_MANY})" in words
    assert "550 sender refused" in words
    assert given_up(outbox, NOW + GIVEN_UP_LATELY) is None
    assert outbox.dead_again(outbox.recent(1, DeliveryState.DEAD)[0], NOW)
    assert given_up(outbox, NOW) is None
