"""What is known of fraud among the payments to a counterparty.

A row sees the labels known at its own time or before. Counts are of labels by the time they became
known, ``(t - W, t]``. Rates and runs need to know which payments were honest, and honest ones seldom
get a label: a payment without one is taken for honest once it is ``LABEL_DELAY`` old. So a rate is the
share of known frauds among the payments of ``[t - D - W, t - D]``, and the trailing run is the frauds
after the newest payment that is honest or cleared, younger ones without a label left aside. Its ratio
is that of the run's most ordinary amount to its payer's median: a compromised counterparty sees ordinary
amounts, a stolen card leaves large ones at honest counterparties.

Windows of heavy counterparties round as in :mod:`include.features.buckets`; their runs look at the
newest ``recent_events`` payments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from include.features.clock import DAY, LABEL_DELAY, LABEL_MEMORY, LABELLED_RETENTION
from include.features.timeline import Timeline
from include.features.velocity import count_between
from include.features.verdicts import RECENT_LABELS
from include.features.windows import Bool, Float, Int, blocks, first_not_before

#: Windows of known frauds by the name features end with.
LABEL_WINDOWS = {"1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY}


def fraud_history(past: Timeline) -> dict[str, Float]:
    """Every feature of a counterparty's known frauds, row by row."""
    n = len(past.at)
    now = past.time[past.at]
    settled = {
        name: count_between(past, now - LABEL_DELAY - window, now - LABEL_DELAY + 1)
        for name, window in LABEL_WINDOWS.items()
    }
    found: dict[str, Float] = {f"counterparty_known_frauds_{name}": np.zeros(n) for name in LABEL_WINDOWS}
    frauds = {name: np.zeros(n) for name in LABEL_WINDOWS}
    found["counterparty_days_since_known_fraud"] = np.full(n, np.nan)
    found["counterparty_fraud_run"] = np.zeros(n)
    found["counterparty_fraud_run_days"] = np.full(n, np.nan)
    found["counterparty_fraud_run_ratio"] = np.full(n, np.nan)
    labels = past.verdicts
    runs = _Runs.of(past)
    for rows, index, length in blocks(labels.start[past.row_key], labels.end[past.row_key]):
        known = _known(past, now[rows], index, length)
        fraud = known & labels.fraud[index]
        moment, of = labels.known[index], labels.time[index]
        for name, window in LABEL_WINDOWS.items():
            recent = fraud & (moment > now[rows, None] - window)
            found[f"counterparty_known_frauds_{name}"][rows] = recent.sum(axis=1)
            edges = settled[name]
            within = (of >= edges.since[rows, None]) & (of < edges.until[rows, None])
            frauds[name][rows] = (fraud & within).sum(axis=1)
        last = np.where(fraud, of, np.iinfo(np.int64).min).max(axis=1)
        some = np.asarray(fraud.any(axis=1))
        found["counterparty_days_since_known_fraud"][rows] = _days(now[rows], last, some)
        within, first = runs.trailing(rows, index, known, fraud)
        found["counterparty_fraud_run"][rows] = count = within.sum(axis=1)
        found["counterparty_fraud_run_days"][rows] = _days(now[rows], first, count > 0)
        found["counterparty_fraud_run_ratio"][rows] = _smallest(runs.ratio[index], within)
    for name, edges in settled.items():
        share = frauds[name] / np.maximum(edges.count, 1)
        found[f"counterparty_known_fraud_rate_{name}"] = np.where(edges.count > 0, share, np.nan)
    return found


def _days(now: Int, then: Int, some: Bool) -> Float:
    return np.where(some, (now - np.where(some, then, now)) / DAY, np.nan)


def _smallest(ratio: Float, within: Bool) -> Float:
    lowest = np.where(within & ~np.isnan(ratio), ratio, np.inf).min(axis=1)
    return np.where(lowest < np.inf, lowest, np.nan)


def _known(past: Timeline, now: Int, index: Int, length: Int) -> Bool:
    """Which labels of a block a row may use: the newest ``RECENT_LABELS`` of those known and not replaced."""
    labels = past.verdicts
    moment, of = labels.known[index], labels.time[index]
    told = np.arange(index.shape[1]) < length[:, None]
    told &= (moment <= now[:, None]) & (of < now[:, None]) & (of >= now[:, None] - LABEL_MEMORY)
    if index.shape[1] > RECENT_LABELS:
        told &= np.cumsum(told[:, ::-1], axis=1)[:, ::-1] <= RECENT_LABELS
    return np.asarray(told & (labels.replaced[index] > now[:, None]))


@dataclass(frozen=True)
class _Runs:
    """Where labelled transactions stand among a key's events."""

    past: Timeline
    position: Int  # (labels,)
    present: Bool  # (labels,) whether the transaction is still kept
    ratio: Float  # (labels,) its amount over the payer's median
    oldest: Int  # (rows,) first event a run may reach
    settled: Int  # (rows,) one past the last event that is honest unless labelled

    @classmethod
    def of(cls, past: Timeline) -> _Runs:
        labels, now = past.verdicts, past.time[past.at]
        key, tie = labels.key, labels.records["tie"]
        ties = np.ascontiguousarray(past.records["tie"])
        position = first_not_before(past.time, ties, past.start[key], past.end[key], labels.time, tie)
        at = np.minimum(position, len(ties) - 1)
        present = (position < past.end[key]) & (past.time[at] == labels.time) & (ties[at] == tie)
        oldest = np.maximum(past.since(now - LABELLED_RETENTION), past.at - past.buckets.recent_events)
        ratio = np.where(present, past.records["ratio"][at], np.nan)
        return cls(past, position, present, ratio, oldest, past.since(now - LABEL_DELAY + 1))

    def trailing(self, rows: Int, index: Int, known: Bool, fraud: Bool) -> tuple[Bool, Int]:
        """Which labels of a block are in their row's trailing run, and when its first fraud happened."""
        position, oldest = self.position[index], self.oldest[rows, None]
        usable = known & self.present[index] & (position >= oldest)
        # Position and verdict of the label before, among the usable ones; -1: there is none.
        column = np.where(usable, np.arange(index.shape[1]), -1)
        before = np.concatenate([np.full((len(rows), 1), -1), column[:, :-1]], axis=1)
        before = np.maximum.accumulate(before, axis=1)
        line = np.arange(len(rows))[:, None]
        follows = (before >= 0) & fraud[line, before]
        honest = np.minimum(position, self.settled[rows, None]) - position[line, before] - 1
        starts = usable & fraud & ~(follows & (honest <= 0))
        start = np.where(starts, column, -1).max(axis=1)
        last = column.max(axis=1)
        row = np.arange(len(rows))
        goes_on = (start >= 0) & fraud[row, last] & (self.settled[rows] - position[row, last] - 1 <= 0)
        within = usable & fraud & (column >= start[:, None]) & goes_on[:, None]
        return within, self.past.verdicts.time[index[row, start]]
