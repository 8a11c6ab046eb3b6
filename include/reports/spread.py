"""How durations are spread: a histogram that adds up, for percentiles of a month out of those of its days.

Bounds are two per cent apart, so a percentile is within one per cent of the nearest-rank one of the durations
themselves; 30 days at a resolution of a millisecond are some 1,100 buckets, of which only those in use are kept.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Self

from pydantic import BaseModel, ConfigDict

#: Seconds; what is shorter counts as this long.
SHORTEST = 0.001
_STEP = math.log(1.02)


class Spread(BaseModel):
    """Counts of durations.

    Attributes
    ----------
    buckets
        Number of the bucket → durations in it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    buckets: dict[int, int] = {}

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Self:
        """Of durations in seconds; clocks that disagree make negative ones, which count as the shortest."""
        counts = Counter(int(math.log(max(value, SHORTEST) / SHORTEST) / _STEP) for value in seconds)
        return cls(buckets=dict(sorted(counts.items())))

    def __add__(self, other: Spread) -> Spread:
        """Both together."""
        return Spread(buckets=dict(sorted((Counter(self.buckets) + Counter(other.buckets)).items())))

    @property
    def count(self) -> int:
        """Durations."""
        return sum(self.buckets.values())

    def percentile(self, percent: float) -> float | None:
        """Seconds that so many per cent of the durations do not exceed, by nearest rank; None without any."""
        rank, seen = max(1, math.ceil(percent / 100 * self.count)), 0
        for bucket, count in sorted(self.buckets.items()):
            seen += count
            if seen >= rank:
                return SHORTEST * math.exp((bucket + 0.5) * _STEP) if bucket else SHORTEST
        return None
