"""Part 3c: each component alone, one after the other, on servers of its own: what this machine could do at most."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

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


def fill(now: Settings, records: int, customers: int, seed: int = 7) -> tuple[int, float]:
    """Send transactions of a bank as fast as they are taken; how many, and in how many seconds of sending."""
    bank = SimulatedBank(seed, customers, start=long_ago())
    kafka = kafka_client(now, "bank")
    sent, day, seconds = 0, 0, 0.0
    with TransactionProducer(kafka["bootstrap.servers"], now.topics.transactions, config=kafka) as producer:
        while sent < records and day < DAYS:
            table = bank.day(day).transactions
            began = time.monotonic()
            sent += producer.send_table(table.slice(0, records - sent))
            producer.flush()
            seconds += time.monotonic() - began
            day += 1
    return sent, seconds


def limits(records: int) -> Limits:
    """Send, process, score, alert and load so many records, each step alone over all of them."""
    with own_servers(*SERVERS) as now:
        make_stores(now)
        sent, sending = fill(now, records, max(records // 20, 500))
        with connected(now) as chain:
            return limits_of(chain, sent, sending)


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
