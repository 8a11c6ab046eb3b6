"""Part 3c: each component alone, one after the other, on servers of its own: what this machine could do at most."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from benchmarks.chain import Chain, connected, make_stores
from benchmarks.stack import own_servers
from include.local.clients import kafka_client
from include.settings import Settings
from include.stores.lake.ledger import Stage
from include.transactions.producer import TransactionProducer
from include.transactions.simulator import SimulatedBank

#: Days the records lie in: within what the contract accepts.
DAYS = 25
SERVERS = ("kafka", "cassandra", "spark")


@dataclass(frozen=True, slots=True)
class Limits:
    """Transactions a second of each component that works alone."""

    records: int
    a_second: dict[str, float]

    @property
    def slowest(self) -> tuple[str, float]:
        """The component everything else waits for in the end."""
        name = min(self.a_second, key=lambda one: self.a_second[one])
        return name, self.a_second[name]

    def document(self) -> dict[str, Any]:
        """For the report."""
        return {
            "records": self.records,
            "a_second": {name: round(rate) for name, rate in self.a_second.items()},
        }


def long_ago() -> datetime:
    """Where a bank's days begin whose transactions the contract accepts until the last."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)


class Source:
    """A bank's transactions, sent as fast as they are taken.

    Attributes
    ----------
    accounts
        Of the bank: one a customer.
    seconds
        Spent in sending so far; making them does not count.
    """

    def __init__(self, now: Settings, customers: int, seed: int = 7) -> None:
        self._bank = SimulatedBank(seed, customers, start=long_ago())
        self._topic = now.topics.transactions
        self._kafka = kafka_client(now, "bank")
        self._day, self._rows = 0, self._bank.day(0).transactions
        self.accounts = len(self._bank.customer_ids)
        self.seconds = 0.0

    def pieces(self, count: int) -> Iterator[pa.Table]:
        """The next transactions, a piece a day at most; fewer than asked for where the bank's days are over."""
        while count > 0:
            if not self._rows.num_rows:
                if self._day + 1 == DAYS:
                    return
                self._day += 1
                self._rows = self._bank.day(self._day).transactions
            piece, self._rows = self._rows.slice(0, count), self._rows.slice(count)
            count -= piece.num_rows
            yield piece

    def send(self, count: int) -> int:
        """Send the next transactions; how many there were."""
        sent = 0
        with TransactionProducer(
            self._kafka["bootstrap.servers"], self._topic, config=self._kafka
        ) as producer:
            for piece in self.pieces(count):
                began = time.monotonic()
                sent += producer.send_table(piece)
                producer.flush()
                self.seconds += time.monotonic() - began
        return sent


def customers_of(records: int) -> int:
    """So many that the days suffice for a backlog."""
    return max(records // 20, 500)


def limits(records: int) -> Limits:
    """Send, process, score, alert and load so many records, each step alone over all of them."""
    with own_servers(*SERVERS) as now:
        make_stores(now)
        source = Source(now, customers_of(records))
        sent = source.send(records)
        with connected(now) as chain:
            return limits_of(chain, sent, source.seconds)


def limits_of(chain: Chain, sent: int, sending: float) -> Limits:
    """Drain what was sent, step by step."""
    while chain.process():
        pass
    for step in (chain.score, chain.raise_alerts, chain.load):
        step()
    batches = range(chain.ledger.cursor(Stage.ACCEPTED).next_batch)
    measures = [(chain.ledger.manifest(Stage.ACCEPTED, batch) or {})["measures"] for batch in batches]
    spark, settle = (sum(one[name] for one in measures) for name in ("spark_seconds", "settle_seconds"))
    seconds = {
        "producer": sending,
        "Spark: read, parse, validate": spark,
        "settle: repetitions, dead letters, lake": settle,
        "score: features, rules, states": chain.seconds["score"],
        "raise alerts": chain.seconds["raise alerts"],
        "load into Cassandra": chain.seconds["load"],
    }
    return Limits(sent, {name: sent / took for name, took in seconds.items() if took > 0})
