"""Population stability index: how differently values are spread over bins, now and in the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

#: Rows added to each side, spread as the two sides together are: an empty bin must not make the index infinite.
_PRIOR_ROWS = 5.0


@dataclass(frozen=True, slots=True)
class Stability:
    """A PSI and what chance has to do with it."""

    psi: float  # less its expectation if nothing has changed, never below 0
    strength: float  # χ² distributed if nothing has changed
    p_value: float


def stability(reference: Sequence[int], now: Sequence[int], rows_alike: float = 1.0) -> Stability:
    """Compare two counts over the same bins.

    If nothing has changed, ``PSI / (1/n + 1/m)`` has about a χ² distribution with B - 1 degrees of freedom (n, m
    independent rows, B bins in use), so its mean is ``(B - 1)(1/n + 1/m)``: small samples look drifted by
    themselves. That mean is taken off.

    Parameters
    ----------
    reference, now
        Rows in each bin.
    rows_alike
        So many rows count as one independent one.

    References
    ----------
    Yurdakul, Naranjo: Statistical properties of the population stability index, Journal of Risk Model
    Validation 2020.
    """
    one, two = np.asarray(reference, dtype=np.float64), np.asarray(now, dtype=np.float64)
    used = (one + two) > 0
    m, n, freedom = one.sum(), two.sum(), int(used.sum()) - 1
    if freedom < 1 or not m or not n:
        return Stability(0.0, 0.0, 1.0)
    both = (one + two)[used] / (m + n)
    p, q = _share(one[used], both), _share(two[used], both)
    raw = float(((q - p) * np.log(q / p)).sum())
    chance = rows_alike * (1 / m + 1 / n)
    strength = raw / chance
    return Stability(max(raw - freedom * chance, 0.0), strength, float(chdtrc(freedom, strength)))


def _share(counts: npt.NDArray[np.float64], both: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray((counts + _PRIOR_ROWS * both) / (counts.sum() + _PRIOR_ROWS))
