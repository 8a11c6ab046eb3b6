from datetime import timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.adaptation.drift import DriftSettings, Outcome, OutcomeLog, Reference, outcomes_of
from include.adaptation.drift.missed import missed_more
from include.transactions.labels import LABEL_SCHEMA

DELAY = timedelta(days=7)


@pytest.fixture(scope="module")
def outcomes(world):
    def drawn(seed, missed, changed=None, at=30, days=40, a_day=40, channel="POS", caught=False):
        """Labelled frauds of some days; from day ``at`` on, ``changed`` of them are missed in one channel."""
        rng = np.random.default_rng(seed)
        found = []
        for i in range(days * a_day):
            day = i / a_day
            where = ("all", f"channel={rng.choice(['POS', 'ONLINE'])}")
            share = changed if changed is not None and day >= at and f"channel={channel}" in where else missed
            moment = world.start + timedelta(days=day)
            found.append(
                Outcome(
                    transaction_id=f"t{i}",
                    occurred_at=moment,
                    labelled_at=moment + DELAY,
                    missed=(hit := bool(rng.random() < share)) and not caught,
                    unknown_to_model=hit if caught else None,
                    segments=where,
                )
            )
        return found

    return drawn


def test_a_steady_share_of_missed_frauds_gives_no_alarm(outcomes):
    noisy = [
        seed for seed in range(20) if missed_more(OutcomeLog().add(outcomes(seed, 0.3)), DriftSettings())
    ]
    assert noisy == []


def test_a_rise_is_seen_within_days_and_dated(world, outcomes):
    for seed in range(5):
        log = OutcomeLog().add(outcomes(seed, 0.3, 0.95))
        rise = {found.finding.segment: found for found in missed_more(log, DriftSettings())}
        assert "channel=POS" in rise
        assert "channel=ONLINE" not in rise
        onset = world.start + timedelta(days=30)
        assert abs(rise["channel=POS"].since - onset) < timedelta(days=4)
        assert onset + DELAY < rise["channel=POS"].noticed_at < onset + DELAY + timedelta(days=3)
        assert rise["channel=POS"].finding.p_value < 0.001


def test_a_pattern_the_model_does_not_know_is_seen_though_others_catch_it(outcomes):
    log = OutcomeLog().add(outcomes(1, 0.3, 0.95, caught=True))
    found = {rise.finding.key[1:]: rise.finding.sentence for rise in missed_more(log, DriftSettings())}
    assert ("unknown_to_model", "channel=POS") in found
    assert {subject for subject, _ in found} == {"unknown_to_model"}
    assert "were not among the highest scores of the model" in found["unknown_to_model", "channel=POS"]


def test_a_fall_is_no_alarm(outcomes):
    assert missed_more(OutcomeLog().add(outcomes(1, 0.6, 0.1)), DriftSettings()) == []


def test_few_outcomes_are_silent(outcomes):
    log = OutcomeLog().add(outcomes(1, 0.0, 1.0, at=1, days=2))
    assert missed_more(log, DriftSettings()) == []


@given(st.lists(st.integers(0, 60), max_size=4), st.randoms(use_true_random=False))
def test_the_log_is_the_same_however_outcomes_arrive(outcomes, cuts, order):
    drawn = outcomes(3, 0.3, days=2, a_day=30)
    edges = [0, *sorted(cuts), len(drawn)]
    parts = [drawn[a:b] for a, b in pairwise(edges)]
    order.shuffle(parts)
    log = OutcomeLog()
    for part in [*parts, parts[0]]:  # one of them twice
        log = log.add(part)
    assert log == OutcomeLog().add(drawn)
    assert OutcomeLog.model_validate_json(log.model_dump_json()) == log


def test_the_log_is_bounded_and_begins_anew_with_a_model(world, outcomes):
    drawn = outcomes(3, 0.3, days=2)
    assert [o.transaction_id for o in OutcomeLog().add(drawn, kept=3).outcomes] == ["t77", "t78", "t79"]
    assert len(OutcomeLog().add(drawn).since(world.start + timedelta(days=1))) == 40


def test_outcomes_are_frauds_that_were_scored(world, usual):
    scored = world.rows(1, n=50)
    ids = [*scored["transaction_id"].to_pylist()[:3], "elsewhere"]
    known = scored["occurred_at"][0].as_py() + DELAY
    labels = pa.table(
        [ids, ["a"] * 4, [True, False, True, True], ["ANALYST"] * 4, [known] * 4], schema=LABEL_SCHEMA
    )
    reference = Reference.learn(usual, world.settings)
    found = outcomes_of(scored, labels, reference)
    high = np.quantile(usual["score"].to_numpy(), 0.99)
    assert [o.unknown_to_model for o in found] == [scored["score"][i].as_py() < high for i in (0, 2)]
    assert {o.unknown_to_model for o in outcomes_of(scored, labels)} == {None}
    assert [outcome.transaction_id for outcome in found] == [ids[0], ids[2]]
    assert [o.missed for o in found] == [scored["decision"][i].as_py() != "ALERT" for i in (0, 2)]
    assert found[0].segments[1:] == tuple(
        f"{name}={scored[name][0].as_py()}" for name in ("transaction_type", "channel", "country")
    )
