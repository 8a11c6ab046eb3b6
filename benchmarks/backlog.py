"""``make bench-backlog RECORDS=2000000``: a backlog drains in bounded memory, and alerts keep their order by account.

All records stand in Kafka before the first batch. Then the chain's steps run one after the other as their tasks would
(process, score, raise alerts, load), on Kafka, Spark and Cassandra of its own, with the shipped rules and no model
(``make bench-scoring`` measures models). Airflow is left out: it decides when a step runs, not how much it holds.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from benchmarks.stack import conclude, own_servers
from include.alerts.alert import Alert
from include.alerts.routing import Router
from include.alerts.routing_file import load_routing
from include.detection.registry import ModelRegistry
from include.governance.rule_book import RuleBook
from include.local.supervision import Supervision
from include.orchestration.casework import intake_on
from include.pipeline import alerting, loading
from include.pipeline.models import model_registry
from include.pipeline.scoring import LocalScorer, score
from include.reports.checks import Bound, Check
from include.rules.columns import rule_columns
from include.settings import HOST, Settings
from include.spark.process_batch import ProcessJob
from include.spark.session import connect
from include.stores.cassandra.address import CassandraAddress
from include.stores.cassandra.alerts import CassandraAlertStore
from include.stores.cassandra.customers import CassandraCustomerStore
from include.stores.cassandra.loader import load_batch
from include.stores.cassandra.migrations import migrate
from include.stores.cassandra.outbox import CassandraOutboxStore
from include.stores.cassandra.seen import CassandraSeenStore
from include.stores.cassandra.state import CassandraStateStore
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, scored_file
from include.transactions.dead_letters import KafkaDeadLetters
from include.transactions.producer import TransactionProducer
from include.transactions.simulator import SimulatedBank
from include.transactions.topics import ensure_topics, topic_specs

#: Days the backlog's transactions lie in: within what the contract accepts.
DAYS = 25
#: How much more memory the second half of a backlog may take than the first: batches are bounded, so is what holds one.
GROWTH = 1.25
_LOOK_SECONDS = 1.0


@dataclass
class Memory:
    """Resident memory over time, MiB, of this process and of each server with its children."""

    samples: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def look(self, processes: dict[str, psutil.Process]) -> None:
        """Take one sample of each."""
        for name, process in processes.items():
            try:
                family = [process] if name == "this process" else [process, *process.children(recursive=True)]
                taken = sum(one.memory_info().rss for one in family)
            except psutil.NoSuchProcess:
                continue
            self.samples[name].append(taken / 2**20)

    def growth(self, name: str) -> float:
        """Peak of the last quarter over the peak of the second: the first quarter warms up."""
        taken = self.samples[name]
        quarter = max(len(taken) // 4, 1)
        return max(taken[-quarter:]) / max(taken[quarter : 2 * quarter] or taken)


@contextmanager
def watching(now: Settings) -> Iterator[Memory]:
    """Sample memory until the end."""
    states = Supervision(now).states()
    processes = {name: psutil.Process(state["pid"]) for name, state in states.items() if state.get("pid")}
    processes["this process"] = psutil.Process(os.getpid())
    memory, over = Memory(), threading.Event()

    def sample() -> None:
        while not over.wait(_LOOK_SECONDS):
            memory.look(processes)

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        over.set()
        thread.join()


class Order:
    """Passes alerts on to the store, and remembers in which order it saw each account's."""

    def __init__(self, store: CassandraAlertStore) -> None:
        self._store = store
        self.by_account: dict[str, list[str]] = defaultdict(list)

    def put(self, alerts: Sequence[Alert]) -> None:
        """Write alerts."""
        for alert in alerts:
            self.by_account[alert.account_id].append(alert.transaction_id)
        self._store.put(alerts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def fill(now: Settings, records: int, customers: int) -> int:
    """Send the backlog; how many records."""
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
    bank = SimulatedBank(7, customers, start=start)
    sent, day = 0, 0
    with TransactionProducer(f"{HOST}:{now.ports.kafka}", now.topics.transactions) as producer:
        while sent < records and day < DAYS:
            table = bank.day(day).transactions
            sent += producer.send_table(table.slice(0, records - sent))
            day += 1
        producer.flush()
    return sent


@dataclass
class Chain:
    """The steps, as their tasks would run them."""

    now: Settings
    lake: Lake
    session: Any
    spark: Any
    rules: RuleBook
    registry: ModelRegistry
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def __post_init__(self) -> None:
        self.ledger = BatchLedger(self.lake)
        self.alerts: Any = Order(CassandraAlertStore(self.session))

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[name] += time.monotonic() - began

    def step(self) -> int:
        """One round of every step; how many batches were accepted."""
        config = {"bootstrap.servers": f"{HOST}:{self.now.ports.kafka}"}
        dead = KafkaDeadLetters(config, self.now.topics.dead_letter, self.now.topics.transactions)
        seen = CassandraSeenStore(self.session)
        with self._timed("process"):
            made = ProcessJob(self.spark, config, self.lake, lambda: seen, dead, self.now).run()
        scorer = LocalScorer(self.lake, CassandraStateStore(self.session), self.registry, self.rules)
        with self._timed("score"):
            due = self.ledger.due(Stage.SCORED)
            score(due, self.ledger, self.lake, self.registry, self.rules, lambda rows: scorer)
        routing = load_routing()
        router = Router(routing, CassandraCustomerStore(self.session))
        with self._timed("raise alerts"):
            alerting.raise_alerts(
                self.ledger.due(Stage.ALERTED), self.ledger, self.lake, self.alerts,
                intake_on(self.session, routing.repeat_window), router, CassandraOutboxStore(self.session),
            )  # fmt: skip
        with self._timed("load"):
            loading.load(
                self.ledger.due(Stage.STORED), self.ledger, self.lake,
                lambda table, batch: load_batch(self.session, table, batch).transactions,
            )  # fmt: skip
        return len(made)


def out_of_order(lake: Lake, batches: int, by_account: dict[str, list[str]]) -> int:
    """Accounts whose alerts were not raised in the order their transactions stand in Kafka."""
    place: dict[str, tuple[int, int]] = {}
    columns = ["transaction_id", "decision", "kafka_partition", "kafka_offset"]
    for batch in range(batches):
        for name, decision, partition, offset in zip(
            *(column.to_pylist() for column in lake.read_table(scored_file(batch), columns).columns),
            strict=True,
        ):
            if decision == "ALERT":
                place[name] = (partition, offset)
    wrong = 0
    for names in by_account.values():
        places = [place[name] for name in names]
        wrong += places != sorted(places)
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 if everything holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backlog", description=__doc__)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--customers", type=int, default=0, help="so many that the days suffice, by default")
    options = parser.parse_args(arguments)
    console = Console()
    customers = options.customers or max(options.records // 20, 500)
    with own_servers("kafka", "cassandra", "spark") as now:
        return _measure(now, options.records, customers, console)


def _measure(now: Settings, records: int, customers: int, console: Console) -> int:
    lake = Lake(Path(now.stack_dir / "lake").as_uri())
    address = CassandraAddress((HOST,), now.ports.cassandra, now.keyspace)
    bare = address.connect(with_keyspace=False)
    migrate(bare, now.keyspace, now.replication)
    bare.cluster.shutdown()
    names = now.topics
    specs = topic_specs(
        transactions=names.transactions, dead_letter=names.dead_letter, labels=names.labels,
        partitions=now.topic_partitions,
    )  # fmt: skip
    ensure_topics(f"{HOST}:{now.ports.kafka}", specs)
    book = RuleBook(lake, rule_columns())
    book.publish_shipped(now.rules_dir)
    with console.status(f"sending {records:,} records of {customers:,} customers"):
        sent = fill(now, records, customers)
    session = address.connect()
    spark = connect(f"sc://{HOST}:{now.ports.spark_connect}/;user_id=bench", lake)
    try:
        chain = Chain(now, lake, session, spark, book, model_registry(lake))
        began = time.monotonic()
        with watching(now) as memory:
            while chain.step():
                done = chain.ledger.cursor(Stage.STORED).totals.get("stored", 0)
                console.print(f"{time.monotonic() - began:6.0f} s  {done:>10,} of {sent:,}")
        seconds = time.monotonic() - began
    finally:
        session.cluster.shutdown()
        spark.stop()  # before the server goes, or the client waits for it for minutes
    return _conclude(chain, lake, memory, sent, seconds)


def _conclude(chain: Chain, lake: Lake, memory: Memory, sent: int, seconds: float) -> int:
    cursors = {stage: chain.ledger.cursor(stage) for stage in Stage}
    totals, batches = cursors[Stage.ACCEPTED].totals, cursors[Stage.ACCEPTED].next_batch
    counts = [
        (chain.ledger.manifest(Stage.ACCEPTED, batch) or {})["counts"]["read"] for batch in range(batches)
    ]
    settled = sum(totals.get(name, 0) for name in ("accepted", "duplicates", "dead_lettered", "lost"))
    limit = chain.now.stream.max_offsets_per_batch + chain.now.topic_partitions
    checks = [
        Check("records sent", sent, Bound(">=", 1)),
        Check("sent - accepted - duplicates - dead-lettered - lost", sent - settled, Bound("==", 0)),
        Check("accepted - scored", totals["accepted"] - cursors[Stage.SCORED].totals["scored"], Bound("==", 0)),
        Check("accepted - stored", totals["accepted"] - cursors[Stage.STORED].totals["stored"], Bound("==", 0)),
        Check("batches", batches),
        Check("largest batch, records", max(counts), Bound("<=", limit)),
        Check("alerts", cursors[Stage.ALERTED].totals.get("alerts", 0), Bound(">=", 1)),
        Check("accounts with alerts out of order", out_of_order(lake, batches, chain.alerts.by_account),
              Bound("==", 0)),
        Check("seconds to drain", round(seconds, 1)),
        Check("records a second", round(sent / seconds)),
    ]  # fmt: skip
    for name, taken in sorted(memory.samples.items()):
        checks.append(Check(f"peak memory of {name}, MiB", round(max(taken))))
        # A short run is warming up all the time, and says nothing of growth.
        bound = Bound("<=", GROWTH) if len(taken) >= 120 else None
        checks.append(
            Check(f"growth of {name}, last quarter over second", round(memory.growth(name), 2), bound)
        )
    facts = {
        "records": sent,
        "seconds_by_step": {name: round(taken, 1) for name, taken in chain.seconds.items()},
        "memory_mib": {name: [round(one) for one in taken] for name, taken in memory.samples.items()},
    }
    return conclude("bench-backlog", checks, facts)


if __name__ == "__main__":
    sys.exit(main())
