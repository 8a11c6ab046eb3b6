"""Features of a whole history, for training, back-tests and rebuilding states: no store needed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from include.features.buckets import RECENT_EVENTS
from include.features.compute import KINDS, FeatureResult, States, compute, table_of
from include.features.labels import Labels
from include.features.transactions import Transactions

#: Rows at a time: large enough that packing costs little, small enough for 2 GB.
CHUNK_ROWS = 100_000


def features_of_history(
    transactions: pa.Table,
    chunk_rows: int = CHUNK_ROWS,
    states: States | None = None,
    recent_events: int = RECENT_EVENTS,
    labels: pa.Table | None = None,
) -> FeatureResult:
    """Features of transactions taken in the order of event time, and the states after the last.

    Each transaction sees the complete past, as if none had ever been late, and every label known by
    then; ``chunk_rows`` changes speed and memory, never a value.

    Parameters
    ----------
    transactions
        As for :func:`include.features.compute.compute`, any order; row i of the answer is row i.
    chunk_rows
        How many to compute at a time.
    states
        Where to start from; nothing is taken over from it that is not in the answer's features.
    recent_events
        See :mod:`include.features.buckets`.
    labels
        As for :func:`include.features.compute.compute`, any order; those known only after the last
        transaction are in the states.
    """
    columns, told = Transactions.of(transactions), Labels.of(labels)
    order = np.lexsort((columns.tie, columns.time))
    held = {kind: dict((states or {}).get(kind, {})) for kind in KINDS}
    parts: list[pa.Table] = [table_of({})]
    by_known = np.argsort(told.known, kind="stable")
    known = told.known[by_known]
    done = 0
    for i in range(0, len(order), chunk_rows):
        chunk = order[i : i + chunk_rows]
        last = i + chunk_rows >= len(order)
        due = len(known) if last else int(np.searchsorted(known, columns.time[chunk[-1]], side="right"))
        news = told.table.take(pa.array(by_known[done:due]))
        result = compute(transactions.take(pa.array(chunk)), held, recent_events, news)
        done = due
        parts.append(result.features)
        for kind, changed in result.states.items():
            held[kind].update(changed)
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    features = pa.concat_tables(parts).combine_chunks().take(pa.array(back))
    return FeatureResult(features, held)
