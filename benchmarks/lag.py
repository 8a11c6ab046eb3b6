"""Whether what waits grows: of a stack that is measured, and of one that is simulated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: Growth that counts as none, as a share of the rate.
STEADY = 0.01


def lag_growth(at: Sequence[float], waiting: Sequence[int], until: float) -> float | None:
    """Records a second by which what waits grows over the second half of the time until ``until``.

    The first half fills the pipeline. None if nobody looked often enough.

    Parameters
    ----------
    at
        Seconds at which somebody looked.
    waiting
        Records that waited then.
    """
    moments, records = np.array(at), np.array(waiting)
    half = (moments >= until / 2) & (moments <= until)
    return float(np.polyfit(moments[half], records[half], 1)[0]) if half.sum() >= 3 else None
