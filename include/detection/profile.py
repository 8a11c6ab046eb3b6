"""What each feature usually is, and how far a value is from that."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from include.detection.detectors.preparation import signed_log

Floats = npt.NDArray[np.float64]


class FeatureProfile(BaseModel):
    """Median and robust spread of f features, both of the signed logarithm."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    median: tuple[float, ...]
    spread: tuple[float, ...]  # never 0

    @classmethod
    def learn(cls, features: Floats) -> Self:
        """Learn from history of shape (n, f).

        The spread is 1.4826 × the median absolute deviation (equal to the standard deviation of a normal
        distribution); where more than half of the values are equal, the standard deviation.
        """
        known = ~np.isnan(features).all(axis=0)
        logs = signed_log(features[:, known])
        median, spread = np.zeros(features.shape[1]), np.ones(features.shape[1])
        median[known] = np.nanmedian(logs, axis=0)
        deviation = 1.4826 * np.nanmedian(np.abs(logs - median[known]), axis=0)
        deviation = np.where(deviation > 1e-6, deviation, np.nanstd(logs, axis=0))
        spread[known] = np.where(deviation > 1e-6, deviation, 1.0)
        return cls(median=tuple(median.tolist()), spread=tuple(spread.tolist()))

    def distance(self, features: Floats) -> Floats:
        """Robust z-scores, always ≥ 0: shape (n, f) → (n, f); 0 where the value is not known."""
        z = np.abs(signed_log(features) - np.array(self.median)) / np.array(self.spread)
        return np.asarray(np.nan_to_num(z, nan=0.0))
