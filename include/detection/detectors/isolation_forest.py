"""Isolation Forest: how few random cuts set a transaction apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import xgboost as xgb
from sklearn.ensemble import IsolationForest as Forest

from include.detection.detectors import persistence
from include.detection.detectors.forest_as_booster import booster_of
from include.detection.detectors.preparation import Preparation, ordinary_sample

Floats = npt.NDArray[np.float64]


class IsolationForest:
    """Isolation Forest on prepared features: grown by scikit-learn, kept and asked as an XGBoost model.

    Parameters
    ----------
    trees
        Number of random trees.
    rows_per_tree
        Rows each tree is grown on.
    max_rows
        Rows of history looked at; more are sampled.
    unread
        Shape (f,), true for features it leaves aside; None: it reads all. Learned features keep their places.

    References
    ----------
    Liu, Ting, Zhou: Isolation Forest, ICDM 2008.
    """

    name: ClassVar[str] = "isolation_forest"

    def __init__(
        self,
        trees: int = 100,
        rows_per_tree: int = 512,
        max_rows: int = 50_000,
        unread: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        self._unread = unread
        self.trees = trees
        self.rows_per_tree = rows_per_tree
        self.max_rows = max_rows
        self._preparation: Preparation | None = None
        self._booster: xgb.Booster | None = None  # its margin: path lengths, summed over the trees
        self._usual_length = 0.0  # what the published score divides that sum by

    def fit(self, features: Floats, labels: npt.NDArray[np.bool_] | None, seed: int) -> None:
        """Learn from history without its known frauds; see ``Detector.fit``."""
        sample = ordinary_sample(features, labels, self.max_rows, np.random.default_rng(seed))
        self._preparation = Preparation.learn(sample, self._unread)
        prepared = self._preparation.apply(sample)
        rows = min(self.rows_per_tree, len(sample))
        forest = Forest(n_estimators=self.trees, max_samples=rows, random_state=seed)
        forest.fit(prepared)
        trees = [tree.tree_ for tree in forest.estimators_]
        self._booster = booster_of(trees, [_path_lengths(tree) for tree in trees], prepared.shape[1])
        self._usual_length = self.trees * float(_mean_search_length(np.array([rows]))[0])

    def score(self, features: Floats) -> Floats:
        """The published anomaly score, 0..1; see ``Detector.score``."""
        if self._preparation is None or self._booster is None:
            raise ValueError("expected a fitted isolation forest; call fit or load first")
        if len(features) == 0:
            return np.empty(0)
        lengths = self._booster.inplace_predict(self._preparation.apply(features), predict_type="margin")
        if self._usual_length == 0:  # grown on a single row: nothing is more or less usual
            return np.full(len(features), 0.5)
        return np.asarray(np.exp2(-lengths.astype(np.float64) / self._usual_length), dtype=np.float64)

    @property
    def columns(self) -> npt.NDArray[np.int64]:
        """Which of the features it reads; see ``AnomalyDetector``."""
        if self._preparation is None:
            raise ValueError("expected a fitted detector; call fit or load first")
        return self._preparation.columns

    def save(self, directory: Path) -> None:
        """See ``Detector.save``."""
        if self._preparation is None or self._booster is None:
            raise ValueError("expected a fitted isolation forest; call fit first")
        parts = {
            "preparation": self._preparation.arrays(),
            "trees": np.frombuffer(self._booster.save_raw("ubj"), dtype=np.uint8),
            "usual_length": self._usual_length,
        }
        persistence.write(directory / f"{self.name}.skops", parts)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """See ``Detector.load``."""
        expected = {"preparation": dict, "trees": np.ndarray, "usual_length": float}
        parts = persistence.read(directory / f"{cls.name}.skops", expected)
        detector = cls()
        detector._preparation = Preparation.from_arrays(parts["preparation"])
        detector._booster = xgb.Booster(params={"nthread": 1}, model_file=bytearray(parts["trees"].tobytes()))
        detector._usual_length = parts["usual_length"]
        return detector


def _path_lengths(tree: Any) -> Floats:
    """How many cuts lead to each node, and how many more a leaf's rows would have taken to set apart."""
    depth = np.zeros(tree.node_count)
    for node in np.flatnonzero(tree.children_left >= 0):  # parents come before their children
        depth[[tree.children_left[node], tree.children_right[node]]] = depth[node] + 1
    return np.asarray(depth + _mean_search_length(tree.n_node_samples))


def _mean_search_length(rows: npt.NDArray[np.integer[Any]]) -> Floats:
    """Mean path length of an unsuccessful search in a binary search tree of so many rows: c(n) of the paper."""
    n = np.maximum(rows.astype(np.float64), 1.0)
    length = 2.0 * (np.log(np.maximum(n - 1.0, 1.0)) + np.euler_gamma) - 2.0 * (n - 1.0) / n
    return np.where(n > 2, length, np.where(n == 2, 1.0, 0.0))
