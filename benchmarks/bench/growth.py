"""Part 4: seconds a batch as accounts, stored transactions and batches become many."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.bench.limits import DAYS, SERVERS, long_ago
from benchmarks.chain import Chain, connected, make_stores
from benchmarks.stack import own_servers
from include.local.clients import kafka_client
from include.stores.lake.ledger import Stage
from include.transactions.producer import TransactionProducer
from include.transactions.simulator import SimulatedBank

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
    """Sends a bank's transactions in pieces and drains them."""

    def __init__(self, chain: Chain, customers: int, seed: int = 7) -> None:
        self._chain = chain
        self._bank = SimulatedBank(seed, customers, start=long_ago())
        self._rows = self._bank.day(0).transactions
        self._day = 0
        self._kafka = kafka_client(chain.now, "bank")

    @property
    def accounts(self) -> int:
        """Accounts of the bank: one a customer."""
        return len(self._bank.customer_ids)

    def _take(self, count: int) -> pa.Table:
        """The next transactions; fewer where the bank's days are over."""
        taken = [self._rows.slice(0, count)]
        self._rows = self._rows.slice(count)
        while (missing := count - sum(one.num_rows for one in taken)) and self._day + 1 < DAYS:
            self._day += 1
            day = self._bank.day(self._day).transactions
            taken.append(day.slice(0, missing))
            self._rows = day.slice(missing)
        return pa.concat_tables(taken)

    def send(self, count: int) -> int:
        """Send the next transactions; how many there were."""
        now, table = self._chain.now, self._take(count)
        with TransactionProducer(
            self._kafka["bootstrap.servers"], now.topics.transactions, config=self._kafka
        ) as producer:
            return producer.send_table(table)

    def store(self, count: int) -> None:
        """Send and drain so many, in full batches."""
        while count > 0:
            sent = self.send(min(count, _PIECE))
            if not sent:
                raise ValueError(f"expected {count} more transactions within {DAYS} days, the bank has no more; "
                                 "take more customers")  # fmt: skip
            while self._chain.step():
                pass
            count -= sent

    def time_batches(self, batches: int = BATCHES) -> Point:
        """Median seconds of each step over small batches."""
        chain = self._chain
        stored = chain.ledger.cursor(Stage.STORED).totals.get("stored", 0)
        taken: dict[str, list[float]] = {name: [] for name in STEPS}
        for _ in range(batches):
            self.send(BATCH_RECORDS)
            before = dict(chain.seconds)
            chain.step()
            for name in STEPS:
                taken[name].append(chain.seconds[name] - before.get(name, 0.0))
        done = chain.ledger.cursor(Stage.ACCEPTED).next_batch
        return Point(
            self.accounts, stored, done, {name: float(np.median(one)) for name, one in taken.items()}
        )


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
                filling.send(BATCH_RECORDS // 10)
                chain.step()
                if time.monotonic() - began > 2 * 3600:
                    raise TimeoutError(f"waited two hours for {batches} batches")
            return first, filling.time_batches()
