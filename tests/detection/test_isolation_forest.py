from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest as Forest

from include.detection.detectors.forest_as_booster import booster_of
from include.detection.detectors.isolation_forest import IsolationForest
from include.detection.detectors.preparation import Preparation, ordinary_sample


@pytest.mark.parametrize("rows", [1, 2, 3, 40, 3000])
def test_it_scores_as_scikit_learn_does(rows: int, tmp_path: Path) -> None:
    generator = np.random.default_rng(rows)
    # Few distinct values, so that many rows stand exactly on a cut.
    features = np.round(generator.lognormal(size=(rows, 6)), 1)
    features[generator.random(features.shape) < 0.05] = np.nan
    detector = IsolationForest(trees=30, rows_per_tree=256)
    detector.fit(features, None, seed=5)
    sample = ordinary_sample(features, None, detector.max_rows, np.random.default_rng(5))
    prepared = Preparation.learn(sample).apply(sample)
    published = Forest(n_estimators=30, max_samples=min(256, rows), random_state=5).fit(prepared)
    asked = np.round(generator.lognormal(size=(500, 6)), 1)
    expected = -published.score_samples(Preparation.learn(sample).apply(asked))
    assert detector.score(asked) == pytest.approx(expected, abs=1e-6)
    detector.save(tmp_path)
    assert IsolationForest.load(tmp_path).score(asked).tolist() == detector.score(asked).tolist()


def test_a_booster_sends_every_row_to_the_leaf_the_tree_sends_it_to() -> None:
    generator = np.random.default_rng(1)
    rows = generator.integers(0, 8, (400, 3)).astype(np.float32)
    forest = Forest(n_estimators=3, random_state=1).fit(rows)
    for grown in forest.estimators_:
        tree = grown.tree_
        thresholds = np.unique(tree.threshold[tree.children_left >= 0]).astype(np.float32)
        on_the_cut = np.stack([thresholds] * 3, axis=1)
        asked = np.concatenate([rows, on_the_cut, np.nextafter(on_the_cut, np.float32(np.inf))])
        numbers = np.arange(tree.node_count, dtype=np.float64)
        booster = booster_of([tree], [numbers], 3)
        assert booster.inplace_predict(asked, predict_type="margin").tolist() == tree.apply(asked).tolist()
