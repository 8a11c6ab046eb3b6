"""The new states of a batch's keys, cut out of the merged timeline."""

from __future__ import annotations

import numpy as np

from include.features.clock import HOUR
from include.features.timeline import Timeline
from include.features.windows import Int, first_at_or_after, ranges


def new_states(past: Timeline) -> dict[str, bytes]:
    """State of each key after the batch.

    Events older than the layout's retention (rounded down to the hour) before the key's newest one are
    left out; the newest itself always stays. Beyond ``recent_events`` the older ones go into buckets.
    A key that has labels only, its events long gone, stays as long as they do.
    """
    layout, buckets, verdicts = past.layout, past.buckets, past.verdicts
    newest = _newest(past)
    keep_from = newest - layout.retention
    keep_from -= keep_from % HOUR
    kept = first_at_or_after(past.time, past.start, past.end, keep_from)
    first = np.maximum(kept, past.end - buckets.recent_events)
    heavy = (first > kept) | (buckets.end > buckets.start)
    if heavy.any():
        old = ranges(kept, first - kept)
        owner = np.repeat(np.arange(len(kept)), first - kept)
        buckets = buckets.collapse(owner, past.time[old], past.amount[old], newest, keep_from)
    bucket_counts = buckets.end - buckets.start
    verdicts = verdicts.kept(newest)
    label_counts = verdicts.end - verdicts.start
    headers = layout.headers(bucket_counts, label_counts, past.end - first)
    # The record before the first one kept is a spare slot or an event given up: the header goes there.
    records = past.records.copy() if heavy.any() else past.records
    records[first - 1] = headers.view(layout.event)
    flat = memoryview(records.view(np.uint8).data)  # type: ignore[arg-type]
    size = layout.size
    bounds = zip(past.keys, ((first - 1) * size).tolist(), (past.end * size).tolist(), strict=True)
    states = {key: flat[low:high].tobytes() for key, low, high in bounds}
    packed = buckets.packed(layout).tobytes()
    labels = verdicts.records.tobytes()
    for i in np.flatnonzero(bucket_counts + label_counts):
        key = past.keys[i]
        sums = packed[int(buckets.start[i]) * size : int(buckets.end[i]) * size]
        told = labels[int(verdicts.start[i]) * size : int(verdicts.end[i]) * size]
        states[key] = states[key][:size] + sums + told + states[key][size:]
    return states


def _newest(past: Timeline) -> Int:
    """Time of each key's newest event, or of its newest labelled one if it has no event."""
    newest = past.time[past.end - 1]
    empty = np.flatnonzero(past.end == past.start)
    newest[empty] = past.verdicts.time[past.verdicts.end[empty] - 1]
    return newest
