"""The past of every key of a batch and the batch itself, merged in order of event time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from include.features.buckets import Buckets
from include.features.clock import WINDOWS
from include.features.packing import Layout, Records, unpack
from include.features.transactions import KeyColumn, Transactions
from include.features.verdicts import Verdicts
from include.features.windows import Int, first_at_or_after, first_not_before


@dataclass(frozen=True)
class Told:
    """Labels that come with a batch."""

    key: Int  # (labels,) index into the keys of the column they are merged with
    records: Records


@dataclass(frozen=True)
class Timeline:
    """Events of all keys in one array, key after key, each key's by (time, tie).

    Before each key's first event stands one spare record, where the header goes when the state is
    written. The events before position ``at[row]`` of its key are what the row may see.
    """

    layout: Layout
    keys: list[str]
    row_key: Int  # (rows,) index into keys
    at: Int  # (rows,) where the row's own event stands
    start: Int  # (keys,) first event
    end: Int  # (keys,) one past the last event
    records: Records
    buckets: Buckets  # what is left of the heavy keys' older events
    verdicts: Verdicts  # what the labels say

    @classmethod
    def merge(
        cls,
        layout: Layout,
        column: KeyColumn,
        states: Mapping[str, bytes],
        new: Records,
        recent_events: int,
        told: Told | None = None,
    ) -> Timeline:
        """Put the batch's events (row by row), and labels, into the pasts of their keys."""
        past = unpack(layout, column.keys, [states.get(key) for key in column.keys])
        old_start = np.cumsum(past.events + 1) - past.events
        order = np.lexsort((new["tie"], new["time"], column.row))
        key = column.row[order]
        sorted_new = new[order]
        into = first_not_before(
            past.records["time"],
            past.records["tie"],
            old_start[key],
            old_start[key] + past.events[key],
            sorted_new["time"],
            sorted_new["tie"],
        ) + np.arange(len(new))
        records = np.empty(len(past.records) + len(new), dtype=layout.event)
        kept = np.ones(len(records), dtype=bool)
        kept[into] = False
        records[kept] = past.records
        records[into] = sorted_new
        arrivals = np.bincount(column.row, minlength=len(column.keys))
        start = old_start + np.cumsum(arrivals) - arrivals
        at = np.empty(len(new), dtype=np.int64)
        at[order] = into
        buckets = Buckets.of(past.buckets, past.bucket_counts, recent_events)
        told = told or Told(np.zeros(0, np.int64), np.zeros(0, layout.label))
        return cls(
            layout,
            column.keys,
            column.row,
            at,
            start,
            start + past.events + arrivals,
            records,
            buckets,
            Verdicts.merge(layout, past.labels, past.label_counts, told.records, told.key),
        )

    @cached_property
    def time(self) -> Int:
        """Event times, contiguous."""
        return np.ascontiguousarray(self.records["time"])

    @cached_property
    def amount(self) -> Int:
        """Amounts, contiguous."""
        return np.ascontiguousarray(self.records["amount"])

    @cached_property
    def first(self) -> Int:
        """(rows,) first event of the row's key."""
        return self.start[self.row_key]

    def since(self, moments: Int) -> Int:
        """First event of each row's key, before the row, at or after a moment."""
        return first_at_or_after(self.time, self.first, self.at, moments)

    @cached_property
    def low(self) -> dict[str, Int]:
        """(rows,) for each window W: the first event in ``[t - W, t)``."""
        now = self.time[self.at]
        return {name: self.since(now - length) for name, length in WINDOWS.items()}

    @cached_property
    def recent(self) -> dict[str, Int]:
        """As ``low``, but never more than ``recent_events`` before the row."""
        return {name: np.maximum(low, self.at - self.buckets.recent_events) for name, low in self.low.items()}


def event_records(layout: Layout, batch: Transactions, **columns: Any) -> Records:
    """The batch's own events as records of a layout, row by row."""
    made = np.zeros(len(batch), dtype=layout.event)
    for name, values in {"time": batch.time, "tie": batch.tie, "amount": batch.amount, **columns}.items():
        made[name] = values
    return made
