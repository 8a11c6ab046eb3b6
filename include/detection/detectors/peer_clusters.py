"""Peer clusters: how far from the nearest group of ordinary behaviour a transaction lies."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.cluster import MiniBatchKMeans

from include.detection.detectors import persistence
from include.detection.detectors.blocks import in_blocks, squared_distances
from include.detection.detectors.preparation import Preparation, ordinary_sample

Floats = npt.NDArray[np.float64]


class PeerClusters:
    """Mini-batch k-means on prepared features; the score is the distance to the nearest centre.

    Parameters
    ----------
    clusters
        Number of behaviour groups.
    max_rows
        Rows of history looked at; more are sampled.
    unread
        See ``IsolationForest``.

    References
    ----------
    Sculley: Web-scale k-means clustering, WWW 2010.
    """

    name: ClassVar[str] = "peer_clusters"

    def __init__(
        self, clusters: int = 24, max_rows: int = 50_000, unread: npt.NDArray[np.bool_] | None = None
    ) -> None:
        self._unread = unread
        self.clusters = clusters
        self.max_rows = max_rows
        self._preparation: Preparation | None = None
        self._means: MiniBatchKMeans | None = None

    def fit(self, features: Floats, labels: npt.NDArray[np.bool_] | None, seed: int) -> None:
        """Learn from history without its known frauds; see ``Detector.fit``."""
        sample = ordinary_sample(features, labels, self.max_rows, np.random.default_rng(seed))
        self._preparation = Preparation.learn(sample, self._unread)
        self._means = MiniBatchKMeans(
            n_clusters=min(self.clusters, len(sample)), batch_size=2048, n_init=3, random_state=seed
        ).fit(self._preparation.apply(sample))

    def score(self, features: Floats) -> Floats:
        """Distance to the nearest centre, in standard deviations; see ``Detector.score``."""
        if self._preparation is None or self._means is None:
            raise ValueError("expected fitted peer clusters; call fit or load first")
        return in_blocks(self._score_block, features)

    def _score_block(self, block: Floats) -> Floats:
        assert self._preparation is not None  # noqa: S101 - held by score
        assert self._means is not None  # noqa: S101
        squared = squared_distances(self._preparation.apply(block), self._means.cluster_centers_)
        return np.asarray(np.sqrt(squared.min(axis=1)))

    @property
    def columns(self) -> npt.NDArray[np.int64]:
        """Which of the features it reads; see ``AnomalyDetector``."""
        if self._preparation is None:
            raise ValueError("expected a fitted detector; call fit or load first")
        return self._preparation.columns

    def save(self, directory: Path) -> None:
        """See ``Detector.save``."""
        if self._preparation is None:
            raise ValueError("expected fitted peer clusters; call fit first")
        persistence.write(
            directory / f"{self.name}.skops",
            {"preparation": self._preparation.arrays(), "means": self._means},
        )

    @classmethod
    def load(cls, directory: Path) -> Self:
        """See ``Detector.load``."""
        parts = persistence.read(
            directory / f"{cls.name}.skops", {"preparation": dict, "means": MiniBatchKMeans}
        )
        detector = cls()
        detector._preparation = Preparation.from_arrays(parts["preparation"])
        detector._means = parts["means"]
        return detector
