"""Metrics of the flow: right for a known state, and the same when work is done twice."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from include.stores.lake.ledger import Stage
from include.telemetry.catalogue import Kind
from include.telemetry.flow import flow_samples
from include.telemetry.samples import Histogram, Sample
from include.transactions.contract import REASON_AMOUNT, REASON_MALFORMED
from tests.alerts.examples import scored_row
from tests.telemetry.chain import TOPICS, Chain, record


def samples(chain: Chain) -> list[Sample]:
    return list(flow_samples(chain.lake, TOPICS.transactions, TOPICS.labels))


def values(chain: Chain, name: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(one.labels[label] for label in one.metric.labels): one.value
        for one in samples(chain)
        if one.metric.name == name and not isinstance(one.value, Histogram)
    }


def histogram(chain: Chain, name: str, **labels: str) -> Histogram:
    (found,) = [
        one.value
        for one in samples(chain)
        if one.metric.name == name and dict(one.labels) == labels and isinstance(one.value, Histogram)
    ]
    return found


def test_counts_are_those_of_the_records(chain: Chain) -> None:
    records = values(chain, "tidewatch_records")
    assert {
        outcome: records[TOPICS.transactions, outcome]
        for outcome in ("accepted", "duplicate", "dead_lettered")
    } == {
        "accepted": 5,
        "duplicate": 1,
        "dead_lettered": 2,
    }
    assert values(chain, "tidewatch_dead_letter_reasons") == {
        (TOPICS.transactions, REASON_AMOUNT): 2,
        (TOPICS.transactions, REASON_MALFORMED): 1,
    }
    assert values(chain, "tidewatch_decisions") == {("ALLOW",): 2, ("REVIEW",): 1, ("ALERT",): 2}
    assert values(chain, "tidewatch_decision_levels") == {("FULL",): 5}
    assert values(chain, "tidewatch_alerts") == {("told",): 1, ("joined",): 1, ("suppressed",): 0}
    assert values(chain, "tidewatch_stored_transactions") == {(): 5}
    assert values(chain, "tidewatch_deliveries_enqueued") == {(): len(chain.outbox.rows)}
    assert values(chain, "tidewatch_batches") == {
        **{(str(stage),): 2 for stage in Stage},
        ("labels",): 0,
    }
    assert set(values(chain, "tidewatch_stage_pending_batches").values()) == {0}
    assert values(chain, "tidewatch_model_info") == {("none",): 1}
    assert values(chain, "tidewatch_ruleset_info") == {("rules-1", "3"): 1}


def test_durations_and_ages_are_observed_once_a_batch(chain: Chain) -> None:
    for stage in Stage:
        assert sum(histogram(chain, "tidewatch_stage_duration_seconds", stage=str(stage)).counts) == 2
        age = histogram(chain, "tidewatch_stage_age_seconds", stage=str(stage))
        assert sum(age.counts) == 2
        assert 40 <= age.total < 100  # two batches, 20 s old when they began
    wait = histogram(chain, "tidewatch_trigger_wait_seconds")
    # Taken up after 3 s; the second when the first was done, which was the case later.
    assert 3 <= wait.total < 60
    assert wait.counts[wait.bounds.index(3)] == 1
    size = histogram(chain, "tidewatch_batch_records")
    assert (size.total, sum(size.counts)) == (8, 2)


def test_work_done_again_is_not_counted_again(chain: Chain) -> None:
    names = {one.metric.name for one in samples(chain) if one.metric.kind is Kind.COUNTER}
    before = {name: values(chain, name) for name in names}
    observed = {
        (one.metric.name, *one.labels.values()): one.value
        for one in samples(chain)
        if isinstance(one.value, Histogram)
    }
    chain.score(range(1), alerts=("T-1",), reviews=("T-2",))
    chain.alert(range(2))
    chain.store(range(1, 2))
    assert {name: values(chain, name) for name in names} == before
    assert {
        (one.metric.name, *one.labels.values()): one.value
        for one in samples(chain)
        if isinstance(one.value, Histogram)
    } == observed
    # The manifest of the first time is kept beside that of the second.
    again = chain.ledger.manifest(Stage.SCORED, 0) or {}
    assert datetime.fromisoformat(again["first"]["completed_at"]) < datetime.fromisoformat(
        again["completed_at"]
    )
    chain.score(range(1), alerts=("T-1",), reviews=("T-2",))
    assert (chain.ledger.manifest(Stage.SCORED, 0) or {})["first"] == again["first"]


def test_the_score_of_each_transaction_that_has_one(chain: Chain, arrived_at: datetime) -> None:
    scores = histogram(chain, "tidewatch_transaction_score")
    assert {bound: count for bound, count in zip(scores.bounds, scores.counts, strict=False) if count} == {
        0.99: 5
    }
    assert scores.total == pytest.approx(5 * scored_row()["score"])
    chain.level = "RULES_ONLY"
    chain.accept(record(8, (0, 3), arrived_at))
    chain.score()
    assert histogram(chain, "tidewatch_transaction_score") == scores


def test_a_level_below_full_is_seen(chain: Chain, arrived_at: datetime) -> None:
    chain.level = "RULES_ONLY"
    chain.accept(record(8, (0, 3), arrived_at))
    chain.score()
    assert values(chain, "tidewatch_decision_levels") == {("FULL",): 5, ("RULES_ONLY",): 1}
    assert values(chain, "tidewatch_stage_pending_batches") == {
        ("scored",): 0,
        ("alerted",): 1,
        ("stored",): 1,
    }


def test_a_cursor_from_before_there_were_measures_still_counts(tmp_path) -> None:  # type: ignore[no-untyped-def]
    chain = Chain.at(tmp_path)
    chain.lake.write_json(
        "cursors/accepted.json", {"next_batch": 7, "totals": {"read": 9, "accepted": 9}, "positions": {}}
    )
    records = values(chain, "tidewatch_records")
    assert records[TOPICS.transactions, "accepted"] == 9
    chain.accept(record(1, (0, 0), datetime.now(UTC)))
    assert values(chain, "tidewatch_records")[TOPICS.transactions, "accepted"] == 10
    assert sum(histogram(chain, "tidewatch_batch_records").counts) == 1
