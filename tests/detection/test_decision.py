from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.alerts.alert import Severity
from include.detection.budget import joint_thresholds, threshold_for
from include.detection.decision import Budget, Decision, DecisionPolicy, decide, fit_policy

POLICY = DecisionPolicy(
    budget=Budget(),
    alert_probability=0.6,
    review_probability=0.3,
    anomalies=({"detector": "odd", "alert": 5.0, "review": 3.0},),
    large_amount=1_000.0,
)


def one(probability=0.0, odd=0.0, hits=(), amount=10.0, policy=POLICY):
    return decide(
        policy, np.array([probability]), {"odd": np.array([odd])}, [tuple(hits)], np.array([amount])
    )


@pytest.mark.parametrize(
    ("probability", "odd", "expected"),
    [
        (0.1, 0.0, Decision.ALLOW),
        (0.3, 0.0, Decision.REVIEW),
        (0.6, 0.0, Decision.ALERT),
        (0.1, 3.0, Decision.REVIEW),
        (0.1, 5.0, Decision.ALERT),
        (0.7, 3.0, Decision.ALERT),
    ],
)
def test_thresholds(probability, odd, expected):
    assert one(probability, odd).decision[0] == expected


def test_a_rule_overrides_the_model(make):
    assert one(hits=[make.hit("ALERT")]).decision[0] == Decision.ALERT
    assert one(hits=[make.hit("REVIEW")]).decision[0] == Decision.REVIEW
    assert one(probability=0.9, hits=[make.hit("REVIEW")]).decision[0] == Decision.ALERT


def test_without_a_model_the_rules_decide(make):
    made = decide(None, None, {}, [(), (make.hit("REVIEW"),), (make.hit(),)], np.ones(3))
    assert made.decision.tolist() == [Decision.ALLOW, Decision.REVIEW, Decision.ALERT]


def test_typology_is_that_of_the_most_severe_hit(make):
    hits = [make.hit(severity="LOW"), make.hit(severity="HIGH", typology="structuring")]
    assert one(hits=hits).typology == ("structuring",)
    assert one(probability=0.9).typology == ("unknown",)
    assert one().typology == ("",)


def test_severity_follows_probability_rules_and_amount(make):
    assert one(probability=0.35).severity == (Severity.MEDIUM,)
    assert one(probability=0.6).severity == (Severity.HIGH,)
    assert one(probability=0.6, amount=1_000.0).severity == (Severity.CRITICAL,)
    assert one(probability=0.95, amount=1e9).severity == (Severity.CRITICAL,)
    assert one(probability=0.35, hits=[make.hit(severity="CRITICAL")]).severity == (Severity.CRITICAL,)
    assert one(odd=5.0).severity == (Severity.MEDIUM,)
    assert one(amount=1e9).severity == (Severity.LOW,)  # allowed: nothing to be urgent about


@settings(max_examples=60, deadline=None)
@given(low=st.floats(0, 1), high=st.floats(0, 1), odd=st.floats(0, 6), amount=st.floats(0.01, 1e6))
def test_a_higher_probability_never_lowers_decision_or_severity(low, high, odd, amount):
    low, high = sorted((low, high))
    below, above = one(low, odd, amount=amount), one(high, odd, amount=amount)
    assert below.decision[0] <= above.decision[0]
    assert below.severity[0].rank <= above.severity[0].rank


def test_the_budget_holds_on_fresh_rows():
    rng = np.random.default_rng(0)

    def draw(n):
        shared = rng.normal(size=n)
        return (
            1 / (1 + np.exp(-(rng.normal(size=n) + shared - 4))),
            {"a": rng.normal(size=n) + shared, "b": rng.normal(size=n)},
        )

    amounts = np.ones(60_000)
    policy = fit_policy(*draw(60_000), amounts, Budget())
    probability, anomalies = draw(60_000)
    made = decide(policy, probability, anomalies, [()] * 60_000, amounts)
    assert (made.decision == Decision.ALERT).mean() == pytest.approx(0.010, abs=0.0015)
    assert (made.decision == Decision.REVIEW).mean() == pytest.approx(0.020, abs=0.002)
    by_model = (probability >= policy.alert_probability).mean()
    assert by_model == pytest.approx(0.008, abs=0.0012)  # the rest is the anomaly detectors' reserve
    for threshold in policy.anomalies:  # each of them gets a part of it
        assert (anomalies[threshold.detector] >= threshold.alert).mean() > 0.0002


def test_the_budget_is_spent_exactly_on_the_rows_it_was_found_on():
    rng = np.random.default_rng(1)
    probability, odd = rng.random(10_000), rng.random(10_000)
    policy = fit_policy(probability, {"odd": odd}, np.ones(10_000), Budget())
    made = decide(policy, probability, {"odd": odd}, [()] * 10_000, np.ones(10_000))
    assert np.bincount(made.decision).tolist() == [9_700, 200, 100]


def test_without_reserve_the_anomaly_detectors_are_silent():
    rng = np.random.default_rng(1)
    policy = fit_policy(
        rng.random(1_000), {"odd": rng.random(1_000)}, np.ones(1_000), Budget(anomaly_reserve=0.0)
    )
    assert policy.anomalies[0].alert is None
    assert policy.anomalies[0].review is None


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.integers(0, 6), min_size=1, max_size=40), share=st.floats(0, 1))
def test_a_threshold_never_takes_more_than_its_share(values, share):
    array = np.array(values, dtype=float)
    assert (array >= threshold_for(array, share)).sum() <= len(array) * share + 1e-6


def test_joint_thresholds_count_open_rows_only():
    rng = np.random.default_rng(2)
    scores = {"a": rng.random(1_000), "b": rng.random(1_000)}
    open_rows = scores["a"] < 0.9
    joint = joint_thresholds(scores, open_rows, 0.05)
    taken = (scores["a"] >= joint["a"]) | (scores["b"] >= joint["b"])
    assert (taken & open_rows).sum() == pytest.approx(50, abs=2)


def test_a_policy_survives_json():
    assert DecisionPolicy.model_validate_json(POLICY.model_dump_json()) == POLICY
