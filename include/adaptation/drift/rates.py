"""Two proportions compared: alert rates, shares of missing values, shares of missed frauds."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """Two rates and what chance has to do with their difference."""

    reference: float
    now: float
    strength: float  # z², signless
    p_value: float  # two-sided


def difference(
    reference_hits: float, reference_rows: float, hits: float, rows: float, rows_alike: float = 1.0
) -> Difference:
    """The pooled z-test of two proportions.

    Parameters
    ----------
    reference_hits, reference_rows, hits, rows
        Counts.
    rows_alike
        So many rows count as one independent one.
    """
    if not rows or not reference_rows:
        return Difference(math.nan, math.nan, 0.0, 1.0)
    before, now = reference_hits / reference_rows, hits / rows
    pooled = (reference_hits + hits) / (reference_rows + rows)
    variance = pooled * (1 - pooled) * rows_alike * (1 / reference_rows + 1 / rows)
    if variance <= 0:
        return Difference(before, now, 0.0, 1.0)
    z = (now - before) / math.sqrt(variance)
    return Difference(before, now, z * z, math.erfc(abs(z) / math.sqrt(2)))
