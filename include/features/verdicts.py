"""The labels of many keys in order, as states hold them and features read them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from include.features.clock import LABEL_MEMORY
from include.features.packing import Layout, Records
from include.features.windows import Bool, Int

#: Newest labels of a key that count: at most 10 kB of its state.
RECENT_LABELS = 256

_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Verdicts:
    """Labels of many keys, key after key, each key's by transaction, then by when they became known."""

    records: Records
    start: Int  # (keys,) first label
    end: Int  # (keys,) one past the last

    @classmethod
    def merge(cls, layout: Layout, past: Records, counts: Int, new: Records, new_key: Int) -> Verdicts:
        """Add labels to those of unpacked states; one that is there already is not added again."""
        records = np.concatenate([past, new.astype(layout.label, copy=False)])
        key = np.concatenate([np.repeat(np.arange(len(counts), dtype=np.int64), counts), new_key])
        order = np.lexsort((records["fraud"], records["known"], records["tie"], records["time"], key))
        records, key = records[order], key[order]
        fresh = np.ones(len(order), dtype=bool)
        fresh[1:] = (records[1:] != records[:-1]) | (key[1:] != key[:-1])
        return cls._of(records[fresh], key[fresh], len(counts))

    @classmethod
    def _of(cls, records: Records, key: Int, keys: int) -> Verdicts:
        counts = np.bincount(key, minlength=keys).astype(np.int64)
        end = np.cumsum(counts)
        return cls(records, end - counts, end)

    def __len__(self) -> int:
        return len(self.records)

    @property
    def key(self) -> Int:
        """(labels,) the key each label belongs to."""
        return np.repeat(np.arange(len(self.start), dtype=np.int64), self.end - self.start)

    @cached_property
    def time(self) -> Int:
        """When the labelled transactions happened, contiguous."""
        return np.ascontiguousarray(self.records["time"])

    @cached_property
    def known(self) -> Int:
        """When the labels became known, contiguous."""
        return np.ascontiguousarray(self.records["known"])

    @cached_property
    def fraud(self) -> Bool:
        """What they say, contiguous."""
        return np.asarray(self.records["fraud"] != 0)

    @cached_property
    def replaced(self) -> Int:
        """(labels,) when a newer label about the same transaction became known; far away if none did."""
        moment = np.full(len(self), _NEVER, dtype=np.int64)
        tie, key = self.records["tie"], self.key
        same = (self.time[1:] == self.time[:-1]) & (tie[1:] == tie[:-1]) & (key[1:] == key[:-1])
        moment[:-1][same] = self.known[1:][same]
        return moment

    def kept(self, newest: Int) -> Verdicts:
        """Those a state keeps: of transactions young enough, the newest ``RECENT_LABELS``.

        Parameters
        ----------
        newest
            (keys,) time of the key's newest event.
        """
        key = self.key
        young = self.time >= newest[key] - LABEL_MEMORY
        recent = np.arange(len(self)) >= self.end[key] - RECENT_LABELS
        stays = young & recent
        return Verdicts._of(self.records[stays], key[stays], len(self.start))
