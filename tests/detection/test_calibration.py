from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from include.detection.calibration import Calibration, calibrate


def sample(n: int, seed: int, offset: float = -3.0):
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 2, n)
    truth = 1 / (1 + np.exp(-(0.7 * scores + offset)))
    return scores, truth, rng.random(n) < truth


@pytest.mark.parametrize(("n", "method"), [(20_000, "isotonic"), (800, "platt")])
def test_probabilities_come_close_to_the_truth(n, method):
    scores, _, labels = sample(n, 0)
    curve = calibrate(scores, labels)
    assert curve.method == method
    fresh, truth, _ = sample(5_000, 1)
    assert np.abs(curve.probability(fresh) - truth).mean() < 0.03


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-30, 30), min_size=2, max_size=30, unique=True), st.sampled_from([800, 20_000]))
def test_a_higher_score_never_has_a_lower_probability(values, n):
    scores, _, labels = sample(n, 2)
    curve = calibrate(scores, labels)
    probability = curve.probability(np.sort(np.array(values)))
    assert (np.diff(probability) >= 0).all()
    assert ((probability >= 0) & (probability <= 1)).all()


def test_scores_that_differ_clearly_keep_different_probabilities():
    scores, _, labels = sample(20_000, 3)
    grid = np.linspace(-15, 15, 300)
    assert (np.diff(calibrate(scores, labels).probability(grid)) > 0).all()


@pytest.mark.parametrize("labels", [np.zeros(500, bool), np.ones(500, bool)])
def test_one_kind_of_label_makes_no_certainty(labels):
    curve = calibrate(np.random.default_rng(0).normal(size=500), labels)
    assert 0 < curve.probability(np.array([0.0]))[0] < 1


def test_perfect_separation_makes_no_certainty():
    scores = np.concatenate([np.linspace(-5, -1, 1_000), np.linspace(1, 5, 200)])
    curve = calibrate(scores, scores > 0)
    assert (
        0 < curve.probability(np.array([-3.0]))[0] < 0.01 < 0.99 < curve.probability(np.array([3.0]))[0] < 1
    )


def test_knots_that_fall_are_refused():
    with pytest.raises(ValidationError, match="rise"):
        Calibration(method="isotonic", scores=(0.0, 1.0), probabilities=(0.5, 0.2))
