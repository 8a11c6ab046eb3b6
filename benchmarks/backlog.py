"""``make bench-backlog RECORDS=2000000``: a backlog drains in bounded memory, and alerts keep their order by account.

All records stand in Kafka before the first batch. Then the chain's steps run one after the other as their tasks would
(process, score, raise alerts, load), on Kafka, Spark and Cassandra of its own, with the shipped rules and no model
(``make bench-scoring`` measures models). Airflow is left out: it decides when a step runs, not how much it holds.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from benchmarks.bench.limits import SERVERS, Source, customers_of
from benchmarks.chain import Chain, connected, make_stores
from benchmarks.memory import Memory, watching
from benchmarks.stack import conclude, own_servers
from include.alerts.alert import Alert
from include.reports.checks import Bound, Check
from include.settings import Settings
from include.stores.cassandra.alerts import CassandraAlertStore
from include.stores.lake.files import Lake
from include.stores.lake.ledger import Stage, scored_file

#: How much more memory the second half of a backlog may take than the first: batches are bounded, so is what holds one.
GROWTH = 1.25


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
    # Brokers that have just started, customers nobody has loaded: warnings, a line for each batch.
    logging.disable(logging.WARNING)
    console = Console()
    customers = options.customers or customers_of(options.records)
    with own_servers(*SERVERS) as now:
        return _measure(now, options.records, customers, console)


def _measure(now: Settings, records: int, customers: int, console: Console) -> int:
    make_stores(now)
    with console.status(f"sending {records:,} records of {customers:,} customers"):
        sent = Source(now, customers).send(records)
    with connected(now, alerts=lambda session: Order(CassandraAlertStore(session))) as chain:
        began = time.monotonic()
        with watching(now) as memory:
            while chain.step():
                done = chain.ledger.cursor(Stage.STORED).totals.get("stored", 0)
                console.print(f"{time.monotonic() - began:6.0f} s  {done:>10,} of {sent:,}")
        seconds = time.monotonic() - began
    return _conclude(chain, memory, sent, seconds)


def _conclude(chain: Chain, memory: Memory, sent: int, seconds: float) -> int:
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
        Check("accounts with alerts out of order", out_of_order(chain.lake, batches, chain.alerts.by_account),
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
