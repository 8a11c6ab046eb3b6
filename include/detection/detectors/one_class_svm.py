"""One-Class SVM: how far outside the region of ordinary transactions one lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import SGDOneClassSVM
from sklearn.svm import OneClassSVM as KernelSVM

from include.detection.detectors import persistence
from include.detection.detectors.blocks import in_blocks, squared_distances
from include.detection.detectors.preparation import Preparation, ordinary_sample

Floats = npt.NDArray[np.float64]
Kernel = Literal["nystroem", "exact"]


class OneClassSVM:
    """One-Class SVM with a Gaussian kernel on prepared features.

    Parameters
    ----------
    kernel
        ``"nystroem"`` approximates the kernel by ``components`` landmarks and is linear in the number of
        rows; ``"exact"`` is the original, quadratic in the rows it is fitted on.
    components
        Landmarks of the approximation.
    nu
        Share of ordinary transactions that may lie outside.
    max_rows, max_rows_exact
        Rows of history looked at; more are sampled.
    unread
        See ``IsolationForest``.

    References
    ----------
    Schölkopf et al.: Estimating the support of a high-dimensional distribution, Neural Computation 2001.
    Williams, Seeger: Using the Nyström method to speed up kernel machines, NIPS 2000.
    """

    name: ClassVar[str] = "one_class_svm"

    def __init__(
        self,
        kernel: Kernel = "nystroem",
        components: int = 200,
        nu: float = 0.01,
        max_rows: int = 50_000,
        max_rows_exact: int = 5_000,
        unread: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        self._unread = unread
        self.kernel: Kernel = kernel
        self.components = components
        self.nu = nu
        self.max_rows = max_rows if kernel == "nystroem" else max_rows_exact
        self._preparation: Preparation | None = None
        self._map: Any = None
        self._svm: Any = None
        self._weights: Floats | None = None

    def fit(self, features: Floats, labels: npt.NDArray[np.bool_] | None, seed: int) -> None:
        """Learn from history without its known frauds; see ``Detector.fit``."""
        sample = ordinary_sample(features, labels, self.max_rows, np.random.default_rng(seed))
        self._preparation = Preparation.learn(sample, self._unread)
        prepared = self._preparation.apply(sample)
        gamma = 1.0 / prepared.shape[1]
        if self.kernel == "exact":
            self._map = None
            self._svm = KernelSVM(nu=self.nu, gamma=gamma).fit(prepared)
        else:
            self._map = Nystroem(
                gamma=gamma, n_components=min(self.components, len(prepared)), random_state=seed
            )
            self._svm = SGDOneClassSVM(nu=self.nu, random_state=seed).fit(self._map.fit_transform(prepared))
        self._fold()

    def score(self, features: Floats) -> Floats:
        """Minus the similarity to ordinary transactions; see ``Detector.score``."""
        if self._preparation is None:
            raise ValueError("expected a fitted one-class SVM; call fit or load first")
        return in_blocks(self._score_block, features)

    def _score_block(self, block: Floats) -> Floats:
        assert self._preparation is not None  # noqa: S101 - held by score
        prepared = self._preparation.apply(block)
        if self._weights is None:
            return np.asarray(-self._svm.score_samples(prepared), dtype=np.float64)
        squared = squared_distances(prepared, self._map.components_)
        # Not a matrix product: NumPy adds up each row the same way wherever it stands.
        return np.asarray(-(np.exp(-self._map.gamma * squared) * self._weights).sum(axis=1))

    def _fold(self) -> None:
        """Landmark similarities → score is linear twice over: one vector replaces both matrices."""
        if self._map is not None:
            self._weights = np.asarray(self._map.normalization_.T @ self._svm.coef_, dtype=np.float64)

    @property
    def columns(self) -> npt.NDArray[np.int64]:
        """Which of the features it reads; see ``AnomalyDetector``."""
        if self._preparation is None:
            raise ValueError("expected a fitted detector; call fit or load first")
        return self._preparation.columns

    def save(self, directory: Path) -> None:
        """See ``Detector.save``."""
        if self._preparation is None:
            raise ValueError("expected a fitted one-class SVM; call fit first")
        persistence.write(
            directory / f"{self.name}.skops",
            {
                "kernel": self.kernel,
                "preparation": self._preparation.arrays(),
                "map": self._map,
                "svm": self._svm,
            },
        )

    @classmethod
    def load(cls, directory: Path) -> Self:
        """See ``Detector.load``."""
        path = directory / f"{cls.name}.skops"
        parts = persistence.read(path, {"preparation": dict, "kernel": str})
        exact = parts["kernel"] == "exact"
        expected: dict[str, type] = {"svm": KernelSVM} if exact else {"map": Nystroem, "svm": SGDOneClassSVM}
        parts = persistence.read(path, {"preparation": dict, "kernel": str, **expected})
        detector = cls("exact" if exact else "nystroem")
        detector._preparation = Preparation.from_arrays(parts["preparation"])
        detector._map = parts["map"]
        detector._svm = parts["svm"]
        detector._fold()
        return detector
