"""What the anomaly detectors do to features first: choose columns, impute, take logarithms, standardise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from include.detection.errors import ModelRefused

Floats = npt.NDArray[np.float64]

#: Standard deviations beyond which a value counts as no odder: one wild feature must not drown the rest.
FURTHEST = 20.0


def signed_log(values: Floats) -> Floats:
    """``sign(x) · log(1 + |x|)``: amounts and counts have tails over many powers of ten."""
    return np.asarray(np.copysign(np.log1p(np.abs(values)), values))


def ordinary_sample(
    features: Floats, labels: npt.NDArray[np.bool_] | None, limit: int, rng: np.random.Generator
) -> Floats:
    """At most ``limit`` rows that are not known fraud, drawn without replacement, order kept."""
    rows = np.arange(len(features)) if labels is None else np.flatnonzero(~labels)
    if len(rows) > limit:
        rows = np.sort(rng.choice(rows, size=limit, replace=False))
    return features[rows]


@dataclass(frozen=True, slots=True)
class Preparation:
    """Learned once in ``fit``; each array has shape (k,), one entry a column that is read."""

    columns: npt.NDArray[np.int64]  # which of the f features are read
    median: Floats  # stands in for NaN
    mean: Floats  # of the signed logarithm
    deviation: Floats  # of the signed logarithm, never 0

    @classmethod
    def learn(cls, features: Floats, unread: npt.NDArray[np.bool_] | None = None) -> Self:
        """Learn from history of shape (n, f); a feature that is never known is taken for 0.

        Parameters
        ----------
        unread
            Shape (f,), true for features that are left aside; None: all are read.
        """
        columns = np.arange(features.shape[1]) if unread is None else np.flatnonzero(~unread)
        features = features[:, columns]
        known = ~np.isnan(features).all(axis=0)
        median = np.zeros(features.shape[1])
        median[known] = np.nanmedian(features[:, known], axis=0)
        logs = signed_log(np.where(np.isnan(features), median, features))
        deviation = logs.std(axis=0)
        return cls(columns, median, logs.mean(axis=0), np.where(deviation > 1e-9, deviation, 1.0))

    def apply(self, features: Floats) -> Floats:
        """Prepare rows: shape (n, f) → (n, k), no NaN, each value within ``FURTHEST``."""
        features = features[:, self.columns]
        filled = np.where(np.isnan(features), self.median, features)
        standard = (signed_log(filled) - self.mean) / self.deviation
        return np.asarray(np.clip(standard, -FURTHEST, FURTHEST))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """For persistence."""
        return {
            "columns": self.columns,
            "median": self.median,
            "mean": self.mean,
            "deviation": self.deviation,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> Self:
        """Inverse of ``arrays``.

        Raises
        ------
        ModelRefused
            An array is missing.
        """
        try:
            return cls(arrays["columns"], arrays["median"], arrays["mean"], arrays["deviation"])
        except (KeyError, TypeError) as error:
            raise ModelRefused(
                f"expected the arrays columns, median, mean and deviation in a stored detector, got {error}; "
                "train and publish the model again"
            ) from error
