"""Isolation Forest: how few random cuts set a transaction apart."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import IsolationForest as Forest

from include.detection.detectors import persistence
from include.detection.detectors.preparation import Preparation, ordinary_sample

Floats = npt.NDArray[np.float64]


class IsolationForest:
    """Isolation Forest on prepared features.

    Parameters
    ----------
    trees
        Number of random trees.
    rows_per_tree
        Rows each tree is grown on.
    max_rows
        Rows of history looked at; more are sampled.

    References
    ----------
    Liu, Ting, Zhou: Isolation Forest, ICDM 2008.
    """

    name: ClassVar[str] = "isolation_forest"
    _allowed: ClassVar[frozenset[str]] = frozenset({"sklearn.tree._tree.Tree"})

    def __init__(self, trees: int = 100, rows_per_tree: int = 512, max_rows: int = 50_000) -> None:
        self.trees = trees
        self.rows_per_tree = rows_per_tree
        self.max_rows = max_rows
        self._preparation: Preparation | None = None
        self._forest: Forest | None = None

    def fit(self, features: Floats, labels: npt.NDArray[np.bool_] | None, seed: int) -> None:
        """Learn from history without its known frauds; see ``Detector.fit``."""
        sample = ordinary_sample(features, labels, self.max_rows, np.random.default_rng(seed))
        self._preparation = Preparation.learn(sample)
        self._forest = Forest(
            n_estimators=self.trees, max_samples=min(self.rows_per_tree, len(sample)), random_state=seed
        ).fit(self._preparation.apply(sample))

    def score(self, features: Floats) -> Floats:
        """The published anomaly score, 0..1; see ``Detector.score``."""
        if self._preparation is None or self._forest is None:
            raise ValueError("expected a fitted isolation forest; call fit or load first")
        if len(features) == 0:
            return np.empty(0)
        return np.asarray(-self._forest.score_samples(self._preparation.apply(features)), dtype=np.float64)

    def save(self, directory: Path) -> None:
        """See ``Detector.save``."""
        if self._preparation is None:
            raise ValueError("expected a fitted isolation forest; call fit first")
        persistence.write(
            directory / f"{self.name}.skops",
            {"preparation": self._preparation.arrays(), "forest": self._forest},
        )

    @classmethod
    def load(cls, directory: Path) -> Self:
        """See ``Detector.load``."""
        parts = persistence.read(
            directory / f"{cls.name}.skops", {"preparation": dict, "forest": Forest}, cls._allowed
        )
        detector = cls()
        detector._preparation = Preparation.from_arrays(parts["preparation"])
        detector._forest = parts["forest"]
        return detector
