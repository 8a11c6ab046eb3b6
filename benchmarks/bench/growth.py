"""Part 4: seconds a batch as accounts, stored transactions and batches become many."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.bench.limits import DAYS, SERVERS, Source
from benchmarks.chain import Chain, connected, make_stores
from benchmarks.stack import own_servers
from include.stores.lake.ledger import Stage

#: Batches that are timed at each point, of so many records: about two seconds of 200 a second.
BATCHES = 20
BATCH_RECORDS = 400
STEPS = ("process", "score", "raise alerts", "load")
_PIECE = 200_000  # records sent before they are drained, in full batches


@dataclass(frozen=True, slots=True)
class Point:
    """Seconds a batch with so much there already; medians."""

    accounts: int
    stored: int
    batches: int
    seconds: dict[str, float]

    @property
    def total(self) -> float:
        """All steps together."""
        return sum(self.seconds.values())

    def document(self) -> dict[str, Any]:
        """For the report."""
        return {
            "accounts": self.accounts, "stored": self.stored, "batches": self.batches,
            "seconds_a_batch": {name: round(value, 4) for name, value in self.seconds.items()},
            "total_seconds": round(self.total, 4),
        }  # fmt: skip


class Filling:
    """Sends a bank's transactions and lets the chain do them."""

    def __init__(self, chain: Chain, customers: int) -> None:
        self._chain = chain
        self._source = Source(chain.now, customers)

    def store(self, count: int) -> None:
        """Send and drain so many, in full batches."""
        while count > 0:
            sent = self._source.send(min(count, _PIECE))
            if not sent:
                raise ValueError(
                    f"expected {count} more transactions within {DAYS} days, the bank has no more; "
                    "take more customers"
                )
            while self._chain.step():
                pass
            count -= sent

    def batch(self, records: int = BATCH_RECORDS) -> None:
        """Send so few that they are one batch, and do it."""
        self._source.send(records)
        self._chain.step()

    def time_batches(
        self, batches: int = BATCHES, beside: Callable[[dict[int, int]], None] = lambda _: None
    ) -> Point:
        """Median seconds of each step over small batches.

        Parameters
        ----------
        beside
            Called after each batch with where it began in the topic; what it does is not timed.
        """
        chain = self._chain
        stored = chain.ledger.cursor(Stage.STORED).totals.get("stored", 0)
        taken: dict[str, list[float]] = {name: [] for name in STEPS}
        for _ in range(batches):
            start, before = chain.ledger.processed_offsets(), dict(chain.seconds)
            self.batch()
            for name in STEPS:
                taken[name].append(chain.seconds[name] - before.get(name, 0.0))
            beside(start)
        done = chain.ledger.cursor(Stage.ACCEPTED).next_batch
        medians = {name: float(np.median(one)) for name, one in taken.items()}
        return Point(self._source.accounts, stored, done, medians)


def growth(points: Sequence[tuple[int, int]]) -> list[Point]:
    """Time batches at points of (accounts, stored transactions), each on servers of its own."""
    found = []
    for accounts, stored in points:
        with own_servers(*SERVERS) as now:
            make_stores(now)
            with connected(now) as chain:
                filling = Filling(chain, accounts)
                filling.store(stored)
                found.append(filling.time_batches())
    return found


def many_batches(batches: int) -> tuple[Point, Point]:
    """The same bank after a few batches and after very many."""
    with own_servers(*SERVERS) as now:
        make_stores(now)
        with connected(now) as chain:
            filling = Filling(chain, max(1_000, batches * BATCH_RECORDS // (2 * DAYS)))
            filling.time_batches()  # warms up
            first = filling.time_batches()
            began = time.monotonic()
            while chain.ledger.cursor(Stage.ACCEPTED).next_batch < batches:
                filling.batch(BATCH_RECORDS // 10)
                if time.monotonic() - began > 2 * 3600:
                    raise TimeoutError(f"waited two hours for {batches} batches")
            return first, filling.time_batches()
