"""Bins: the edges a feature or the score is counted between."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Bins(BaseModel):
    """Bin k holds the values in (edge k-1, edge k]; the first and the last what the reference never saw."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    edges: tuple[float, ...]  # rising; the first is just below the smallest value seen, the last the largest

    @classmethod
    def learn(cls, values: Floats, bins: int, tail: tuple[float, ...] = ()) -> Self:
        """Edges at quantiles; at every value where there are few.

        Parameters
        ----------
        values
            Shape (n,), NaN is left out; some must remain.
        bins
            How many, at most, between the smallest and the largest value.
        tail
            Further quantiles.
        """
        known = np.sort(values[~np.isnan(values)])
        distinct = known[np.concatenate([[True], np.diff(known) > 0])]
        if len(distinct) > bins:
            at = np.unique([*np.linspace(0, 1, bins + 1)[1:], *tail])
            distinct = np.unique(known[np.ceil(at * (len(known) - 1)).astype(np.int64)])
        return cls(edges=(float(np.nextafter(known[0], -np.inf)), *distinct.tolist()))

    def __len__(self) -> int:
        return len(self.edges) + 1

    def count(self, values: Floats) -> Ints:
        """How many values each bin holds: shape (n,) → (bins,); NaN is in none."""
        known = values[~np.isnan(values)]
        return np.bincount(np.searchsorted(self.edges, known, side="left"), minlength=len(self))

    def median(self, counts: tuple[int, ...]) -> float:
        """Roughly the middle value of these counts, by the straight line within its bin."""
        total = np.cumsum(counts)
        k = int(np.searchsorted(total, total[-1] / 2))
        if k == 0 or k == len(self.edges):
            return self.edges[min(k, len(self.edges) - 1)]
        within = (total[-1] / 2 - total[k - 1]) / max(counts[k], 1)
        low, high = self.edges[k - 1], self.edges[k]
        return float(low + (high - low) * within)
