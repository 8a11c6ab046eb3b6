from __future__ import annotations

from datetime import UTC

import numpy as np
import pytest

from include.detection.decision import Budget, Decision, decide
from include.detection.errors import TrainingRefused
from include.detection.matrix import feature_matrix


def test_it_finds_the_fraud(bundle):
    metrics = bundle.manifest.metrics
    assert metrics.roc_auc > 0.9
    assert metrics.average_precision > 0.5
    assert set(metrics.typologies) == {"card_testing", "large_amount"}
    assert sum(found.frauds for found in metrics.typologies.values()) == metrics.frauds
    caught = sum(found.alerted for found in metrics.typologies.values())
    assert caught / metrics.frauds == pytest.approx(metrics.recall_at_budget)


def test_the_budget_holds_on_fresh_data(bundle, fresh):
    matrix = feature_matrix(fresh.features, bundle.features)
    made = decide(
        bundle.policy,
        bundle.calibration.probability(bundle.booster.score(matrix)),
        {detector.name: detector.score(matrix) for detector in bundle.anomaly_detectors},
        [()] * len(matrix),
        fresh.amounts,
    )
    assert (made.decision == Decision.ALERT).mean() == pytest.approx(0.01, abs=0.006)
    assert (made.decision >= Decision.REVIEW).mean() == pytest.approx(0.03, abs=0.012)


def test_probabilities_are_calibrated(bundle, fresh):
    matrix = feature_matrix(fresh.features, bundle.features)
    probability = bundle.calibration.probability(bundle.booster.score(matrix))
    assert probability.mean() == pytest.approx(fresh.labels.mean(), rel=0.3)


def test_the_same_seed_gives_the_same_predictions(history, bundle):
    again = history.train()
    assert again.manifest.predictions_sha256 == bundle.manifest.predictions_sha256
    assert again.policy == bundle.policy
    assert again.manifest.metrics == bundle.manifest.metrics


@pytest.mark.slow
def test_another_seed_gives_others(history, bundle):
    assert history.train(seed=8).manifest.predictions_sha256 != bundle.manifest.predictions_sha256


def test_the_manifest_tells_where_the_model_comes_from(history, bundle, make):
    manifest = bundle.manifest
    assert manifest.features == make.names
    assert (manifest.rows, manifest.frauds, manifest.seed) == (16_000, int(history.labels.sum()), 7)
    window = [
        np.datetime64(moment.astimezone(UTC).replace(tzinfo=None))
        for moment in (manifest.trained_from, manifest.trained_to)
    ]
    assert window == [history.occurred_at.min(), history.occurred_at.max()]


def test_rows_are_taken_in_the_order_of_time(make):
    """Fraud changes its face for the newest eighth: only a split by time leaves that unlearned."""
    world = make.world(6_000, seed=4)
    newest = world.occurred_at >= np.sort(world.occurred_at)[5_250]
    swapped = world.labels.copy()
    swapped[newest] = np.random.default_rng(0).random(int(newest.sum())) < 0.05
    metrics = type(world)(world.features, swapped, world.occurred_at, world.amounts, world.typologies).train()
    assert metrics.manifest.metrics.roc_auc < 0.7


@pytest.mark.slow
def test_the_reserve_finds_a_pattern_no_label_has_shown(bundle, fresh, history):
    """The speed tells nothing in training; a reserve alerts on rows that are odd in it all the same."""
    matrix = feature_matrix(fresh.features, bundle.features)
    matrix[:40, 2] = 90_000.0

    def caught(model):
        made = decide(
            model.policy,
            model.calibration.probability(model.booster.score(matrix)),
            {detector.name: detector.score(matrix) for detector in model.anomaly_detectors},
            [()] * len(matrix),
            fresh.amounts,
        )
        return (made.decision[:40] == Decision.ALERT).mean()

    assert caught(bundle) > 0.5
    assert caught(history.train(budget=Budget(anomaly_reserve=0.0))) < 0.2


def test_too_little_is_refused(make):
    world = make.world(500, seed=5)
    with pytest.raises(TrainingRefused, match="at least 1000 rows"):
        world.train()
    honest = make.world(2_000, seed=5)
    clean = type(honest)(
        honest.features, np.zeros(2_000, bool), honest.occurred_at, honest.amounts, honest.typologies
    )
    with pytest.raises(TrainingRefused, match="20 known frauds"):
        clean.train()
    short = type(honest)(
        honest.features, honest.labels[:10], honest.occurred_at, honest.amounts, honest.typologies
    )
    with pytest.raises(TrainingRefused, match="lengths"):
        short.train()
