"""One suite over every detector: what ``Detector`` promises."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.detection.detectors import (
    ANOMALY_DETECTORS,
    GradientBoosting,
    IsolationForest,
    OneClassSVM,
    PeerClusters,
)
from include.detection.detectors.gradient_boosting import BoostingSettings
from include.detection.errors import ModelRefused

FEATURES = 12


def boosting() -> GradientBoosting:
    return GradientBoosting(BoostingSettings(rounds=30, n_jobs=1))


def exact_svm() -> OneClassSVM:
    return OneClassSVM(kernel="exact", max_rows_exact=500)


MAKERS = [
    pytest.param(boosting, id="gradient_boosting"),
    pytest.param(lambda: IsolationForest(trees=40), id="isolation_forest"),
    pytest.param(lambda: OneClassSVM(components=60), id="one_class_svm"),
    pytest.param(exact_svm, id="one_class_svm_exact"),
    pytest.param(lambda: PeerClusters(clusters=5), id="peer_clusters"),
]


@pytest.fixture(scope="module")
def history():
    """3,000 rows with a few holes, 3 % of them fraud that is far out in three features."""
    rng = np.random.default_rng(5)
    features = np.exp(rng.normal(size=(3_000, FEATURES)) + 2)
    labels = rng.random(3_000) < 0.03
    features[labels, :3] *= 40
    features[rng.random(features.shape) < 0.05] = np.nan
    features[:, 11] = np.nan  # a feature nobody has
    return features, labels


@pytest.fixture(scope="module")
def fresh():
    rng = np.random.default_rng(6)
    features = np.exp(rng.normal(size=(700, FEATURES)) + 2)
    features[rng.random(features.shape) < 0.05] = np.nan
    return features


@pytest.fixture(scope="module", params=MAKERS)
def maker(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(maker, history):
    detector = maker()
    detector.fit(*history, seed=3)
    return detector


def test_same_seed_same_scores(maker, fitted, history, fresh):
    again = maker()
    again.fit(*history, seed=3)
    np.testing.assert_array_equal(again.score(fresh), fitted.score(fresh))


def test_inputs_are_untouched(maker, history, fresh):
    features, labels = history
    before, labels_before, fresh_before = features.copy(), labels.copy(), fresh.copy()
    features.flags.writeable = labels.flags.writeable = False
    try:
        detector = maker()
        detector.fit(features, labels, seed=1)
        detector.score(fresh)
    finally:
        features.flags.writeable = labels.flags.writeable = True
    np.testing.assert_array_equal(features, before)
    np.testing.assert_array_equal(labels, labels_before)
    np.testing.assert_array_equal(fresh, fresh_before)


def test_scores_are_one_finite_float_per_row(fitted, fresh):
    scores = fitted.score(fresh)
    assert scores.shape == (len(fresh),)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()


def test_rows_without_any_feature_still_get_a_score(fitted):
    assert np.isfinite(fitted.score(np.full((3, FEATURES), np.nan))).all()


def test_no_rows_no_scores(fitted):
    assert fitted.score(np.empty((0, FEATURES))).shape == (0,)


def test_extreme_values_still_get_a_score(fitted):
    assert np.isfinite(fitted.score(np.full((2, FEATURES), 1e30))).all()


def test_odd_rows_score_above_ordinary_ones(fitted, fresh):
    odd = fresh.copy()
    odd[:, :3] = np.nan_to_num(odd[:, :3], nan=8.0) * 60
    assert np.median(fitted.score(odd)) > np.quantile(fitted.score(fresh), 0.95)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 700), max_size=6))
def test_pieces_score_as_the_whole(fitted, fresh, cuts):
    edges = sorted({0, 700, *cuts})
    pieces = [fitted.score(fresh[a:b]) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(pieces), fitted.score(fresh))


def test_single_rows_score_as_the_whole(fitted, fresh):
    whole = fitted.score(fresh)
    for row in range(0, 700, 37):
        assert fitted.score(fresh[row : row + 1])[0] == whole[row]


def test_saved_and_loaded_gives_the_same_scores(fitted, fresh, tmp_path: Path):
    fitted.save(tmp_path)
    assert [path.stem for path in tmp_path.iterdir()] == [fitted.name]
    loaded = type(fitted).load(tmp_path)
    np.testing.assert_array_equal(loaded.score(fresh), fitted.score(fresh))


@pytest.mark.parametrize("content", [b"", b"\x80\x04\x95pickle", b"PK\x03\x04 broken", b"{broken"])
def test_a_broken_file_is_refused(fitted, tmp_path: Path, content: bytes):
    fitted.save(tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(content)
    with pytest.raises(ModelRefused, match="expected"):
        type(fitted).load(tmp_path)


def test_a_missing_file_is_refused(fitted, tmp_path: Path):
    with pytest.raises(ModelRefused, match="expected"):
        type(fitted).load(tmp_path)


def test_unfitted_detectors_say_so(maker, fresh):
    with pytest.raises(ValueError, match="call fit"):
        maker().score(fresh)


@pytest.mark.parametrize("kind", ANOMALY_DETECTORS)
def test_anomaly_detectors_need_no_labels(kind, history, fresh):
    detector = kind()
    detector.fit(history[0], None, seed=1)
    assert np.isfinite(detector.score(fresh)).all()


def test_no_tree_asks_about_a_feature_that_is_not_to_be_read(history, fresh):
    unread = np.arange(FEATURES) < 2
    detector = GradientBoosting(BoostingSettings(rounds=30, n_jobs=1), unread)
    detector.fit(*history, seed=3)
    moved = fresh.copy()
    moved[:, unread] *= 1000
    np.testing.assert_array_equal(detector.score(moved), detector.score(fresh))
    assert (detector.contributions(fresh)[:, unread] == 0).all()


def test_sampling_keeps_every_fraud_and_the_same_rows_for_the_same_seed(history, fresh):
    features, labels = history
    settings = BoostingSettings(rounds=30, n_jobs=1, max_ordinary=1_000)
    one, two, other = (GradientBoosting(settings) for _ in range(3))
    for detector, seed in ((one, 3), (two, 3), (other, 4)):
        detector.fit(features, labels, seed)
    np.testing.assert_array_equal(one.score(fresh), two.score(fresh))
    assert not np.array_equal(one.score(fresh), other.score(fresh))
    assert np.median(one.score(features[labels])) > np.quantile(one.score(features[~labels]), 0.95)


@pytest.mark.parametrize("kind", ANOMALY_DETECTORS)
def test_what_is_left_aside_changes_no_score(kind, history, fresh, tmp_path: Path) -> None:
    features, labels = history
    unread = np.arange(FEATURES) % 3 == 0
    detector = kind(unread=unread)
    detector.fit(features, labels, seed=3)
    before = detector.score(fresh)
    changed = fresh.copy()
    changed[:, unread] = 1e6
    assert np.array_equal(detector.score(changed), before)
    detector.save(tmp_path)
    loaded = kind.load(tmp_path)
    assert np.array_equal(loaded.score(changed), before)
    assert loaded.columns.tolist() == np.flatnonzero(~unread).tolist()
