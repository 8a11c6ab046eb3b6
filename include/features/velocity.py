"""Count, sum, mean and maximum over every window: the features both kinds of key have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from include.features.buckets import rounded_down
from include.features.clock import HOUR, WINDOWS
from include.features.timeline import Timeline
from include.features.transactions import UNITS
from include.features.windows import Bool, Float, Int, first_at_or_after, halves, joined, maxima, running

_NOTHING = -1  # below every amount


def velocity(past: Timeline) -> dict[str, Float]:
    """``{kind}_{count,sum,mean,max}_{W}`` for each row; mean and max are NaN over nothing.

    Sums are taken in whole 1/10000 and rounded once, at the end.
    """
    low = np.stack([past.low[name] for name in WINDOWS])
    at = np.broadcast_to(past.at, low.shape)
    coarse = _coarse(past, low)
    for i, window in enumerate(WINDOWS.values()):
        rows = np.flatnonzero(coarse[i])
        if len(rows):
            low[i, rows] = first_at_or_after(
                past.time,
                past.first[rows],
                past.at[rows],
                rounded_down(past.time[past.at[rows]] - window, window),
            )
    count = at - low
    high, low_half = (_sums(part, low, at) for part in halves(past.amount))
    peak = maxima(past.amount, low.ravel(), at.ravel(), _NOTHING).reshape(low.shape)
    _add_buckets(past, coarse, count, high, low_half, peak)
    total = joined(high, low_half) / UNITS
    found: dict[str, Float] = {}
    for i, name in enumerate(WINDOWS):
        some = count[i] > 0
        found[f"{past.layout.kind}_count_{name}"] = count[i].astype(np.float64)
        found[f"{past.layout.kind}_sum_{name}"] = total[i]
        found[f"{past.layout.kind}_mean_{name}"] = np.where(some, total[i] / np.maximum(count[i], 1), np.nan)
        found[f"{past.layout.kind}_max_{name}"] = np.where(some, peak[i] / UNITS, np.nan)
    return found


def _sums(part: Int, low: Int, high: Int) -> Int:
    if not part.any():
        return np.zeros(low.shape, dtype=np.int64)
    sums = running(part)
    return sums[high] - sums[low]


def _coarse(past: Timeline, low: Int) -> Bool:
    """Where a window reaches the ``recent_events``-th event before the row, or into the buckets."""
    limit = past.at - past.buckets.recent_events
    bucketed = (past.buckets.end > past.buckets.start)[past.row_key]
    limit = np.where(bucketed, np.maximum(limit, past.first), limit)
    return (limit >= past.first) & (low <= limit)


def _add_buckets(past: Timeline, coarse: Bool, count: Int, high: Int, low: Int, peak: Int) -> None:
    buckets = past.buckets
    if not len(buckets.time):
        return
    counts, highs, lows = running(buckets.count), running(buckets.high), running(buckets.low)
    for i, window in enumerate(WINDOWS.values()):
        rows = np.flatnonzero(coarse[i])
        if not len(rows):
            continue
        now, key = past.time[past.at[rows]], past.row_key[rows]
        bounds = buckets.start[key], buckets.end[key]
        since = first_at_or_after(buckets.time, *bounds, rounded_down(now - window, window))
        until = np.maximum(first_at_or_after(buckets.time, *bounds, now), since)
        count[i, rows] += counts[until] - counts[since]
        high[i, rows] += highs[until] - highs[since]
        low[i, rows] += lows[until] - lows[since]
        peak[i, rows] = np.maximum(peak[i, rows], maxima(buckets.max, since, until, _NOTHING))


@dataclass(frozen=True)
class Stretch:
    """A stretch of time before each row, and how many events are in it."""

    since: Int  # (rows,)
    until: Int  # (rows,) exclusive
    count: Int  # (rows,)


def count_between(past: Timeline, since: Int, until: Int) -> Stretch:
    """Events of each row's key in ``[since, until)``, both by row and not after the row.

    Where the stretch reaches beyond the newest ``recent_events`` events, both ends are rounded down to the
    hour: see :mod:`include.features.buckets`.
    """
    coarse = np.flatnonzero(_coarse(past, past.since(since)))
    since, until = since.copy(), until.copy()
    since[coarse] -= since[coarse] % HOUR
    until[coarse] -= until[coarse] % HOUR
    count = past.since(until) - past.since(since)
    buckets, key = past.buckets, past.row_key[coarse]
    if len(buckets.time) and len(coarse):
        counts, bounds = running(buckets.count), (buckets.start[key], buckets.end[key])
        low, high = (first_at_or_after(buckets.time, *bounds, edge[coarse]) for edge in (since, until))
        count[coarse] += counts[high] - counts[low]
    return Stretch(since, until, count)
