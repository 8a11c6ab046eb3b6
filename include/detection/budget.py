"""Thresholds that spend a given share of all transactions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def threshold_for(values: Floats, share: float, of: int | None = None) -> float:
    """The threshold t for which ``values >= t`` holds for a share of rows, or fewer where ties forbid it.

    Parameters
    ----------
    values
        Shape (n,).
    share
        Of ``of`` rows (n by default) that are to reach the threshold, 0..1.

    Returns
    -------
    float
        Half-way between the last value inside and the first outside; infinite when no row fits in.
    """
    count = min(int(np.floor((len(values) if of is None else of) * share + 1e-9)), len(values))
    if count == 0:
        return float("inf")
    falling = np.sort(values)[::-1]
    if count == len(falling):
        return float(falling[-1])
    last, first_outside = falling[count - 1], falling[count]
    if last > first_outside:
        middle = (last + first_outside) / 2
        return float(middle if first_outside < middle <= last else last)
    above = falling[falling > first_outside]
    return float(above[-1]) if len(above) else float("inf")


def joint_thresholds(
    scores: Mapping[str, Floats], open_rows: npt.NDArray[np.bool_], share: float
) -> dict[str, float]:
    """One threshold a detector, so that together they take a share of all rows.

    Every detector gets the same rank as its threshold: a row is taken if *any* detector ranks it that high.

    Parameters
    ----------
    scores
        Detector → shape (n,).
    open_rows
        Shape (n,); only these count, the others have been taken already.
    share
        Of all n rows.
    """
    if not scores:
        return {}
    n = len(open_rows)
    ranks = {name: np.searchsorted(np.sort(values), values) / n for name, values in scores.items()}
    best = np.maximum.reduce(list(ranks.values()))
    rank = threshold_for(best[open_rows], share, of=n)
    return {
        name: float(values[ranks[name] >= rank].min()) if (ranks[name] >= rank).any() else float("inf")
        for name, values in scores.items()
    }
