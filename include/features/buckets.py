"""The bounded form of a heavy key's past: newest events one by one, older ones as sums.

A state holds at most ``recent_events`` events. Those before them are kept as buckets of count, sum
and maximum: one a minute for the last hour or two, one an hour before that, at most about 840 for an
account and 1,180 for a counterparty. So a state has an upper size, whatever the key's traffic.

What is given up, and only for a window that holds ``recent_events`` events or more:

- ``count``, ``sum``, ``mean`` and ``max`` start at the window's edge rounded *down* to the minute
  (windows up to an hour) or to the hour (longer ones);
- every other feature sees the newest ``recent_events`` events of the window.

That is decided row by row and not by what happens to be stored, so it does not depend on how the
history was cut into batches. A late event of a heavy key is the exception: buckets are as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from include.features.clock import FINE, HOUR, MINUTE
from include.features.packing import Layout, Records
from include.features.windows import Int, halves

#: Events kept one by one. With all buckets these are at most 89 kB a counterparty, to which its labels add
#: 10 kB, and 76 kB an account.
RECENT_EVENTS = 1024


def rounded_down(time: Int, window: int) -> Int:
    """Where a window's edge falls when the past is only known as buckets."""
    granule = MINUTE if window <= FINE else HOUR
    return time - time % granule


@dataclass(frozen=True)
class Buckets:
    """Buckets of many keys, key after key, each key's by time."""

    recent_events: int
    start: Int  # (keys,) first bucket
    end: Int  # (keys,) one past the last
    time: Int  # start of the bucket, microseconds
    count: Int
    high: Int  # sum of the amounts' high 32 bits
    low: Int  # sum of their low 32 bits
    max: Int

    @classmethod
    def of(cls, records: Records, counts: Int, recent_events: int) -> Buckets:
        """Take apart the buckets of unpacked states."""
        end = np.cumsum(counts)
        return cls(
            recent_events,
            end - counts,
            end,
            records["minute"].astype(np.int64) * MINUTE,
            count=records["count"].astype(np.int64),
            high=records["high"].astype(np.int64),
            low=records["low"].astype(np.int64),
            max=records["max"].astype(np.int64),
        )

    @property
    def keys(self) -> Int:
        """(buckets,) the key each bucket belongs to."""
        return np.repeat(np.arange(len(self.start), dtype=np.int64), self.end - self.start)

    def collapse(self, key: Int, time: Int, amount: Int, newest: Int, keep_from: Int) -> Buckets:
        """Take in events, coarsen what has grown old, drop what is before ``keep_from``.

        Parameters
        ----------
        key, time, amount
            The events, any order.
        newest, keep_from
            By key: its newest event; the start of its retention.
        """
        high, low = halves(amount)
        keys = np.concatenate([self.keys, key])
        times = np.concatenate([self.time, time])
        hour_of_last = (newest - FINE) - (newest - FINE) % HOUR
        times = times - times % np.where(times >= hour_of_last[keys], MINUTE, HOUR)
        kept = np.flatnonzero(times >= keep_from[keys])
        order = kept[np.lexsort((times[kept], keys[kept]))]
        keys, times = keys[order], times[order]
        fresh = np.ones(len(order), dtype=bool)
        fresh[1:] = (keys[1:] != keys[:-1]) | (times[1:] != times[:-1])
        first = np.flatnonzero(fresh)

        def summed(before: Int, now: Int) -> Int:
            return np.add.reduceat(np.concatenate([before, now])[order], first)

        counts = np.bincount(keys[first], minlength=len(self.start)).astype(np.int64)
        end = np.cumsum(counts)
        return Buckets(
            self.recent_events,
            end - counts,
            end,
            times[first],
            count=summed(self.count, np.ones(len(key), dtype=np.int64)),
            high=summed(self.high, high),
            low=summed(self.low, low),
            max=np.maximum.reduceat(np.concatenate([self.max, amount])[order], first),
        )

    def packed(self, layout: Layout) -> Records:
        """All buckets as records, in order."""
        made = np.zeros(len(self.time), dtype=layout.bucket)
        made["minute"] = self.time // MINUTE
        made["count"], made["high"], made["low"], made["max"] = self.count, self.high, self.low, self.max
        return made
