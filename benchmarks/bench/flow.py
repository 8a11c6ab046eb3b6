"""A stack of a benchmark's own with a bank whose stream it sends, stretch by stretch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.bank import make_bank
from benchmarks.bench.measured import Measured, measure
from benchmarks.processors import processor_seconds, spent
from benchmarks.stack import own_stack
from include.local import stack
from include.local.airflow_api import AirflowApi
from include.local.clients import kafka_client
from include.local.demo.facts import Facts
from include.local.demo.progress import Progress
from include.local.demo.stream import Stream
from include.pipeline.bank import BankFeed, customers_for
from include.settings import PROJECT, Settings
from include.stores.lake.files import Lake
from include.transactions.offsets import TopicOffsets

TRAINING_DAYS = 30
_LEAST_CUSTOMERS = 5_000
_DELIVERY_PATIENCE_SECONDS = 120.0
#: DAGs that only a benchmark's own Airflow knows.
USUAL_WAY = PROJECT / "benchmarks" / "bench" / "usual_way"


@dataclass
class Flow:
    """A stack that is up, and its bank.

    Attributes
    ----------
    bank
        Params of the DAGs that made the bank.
    """

    now: Settings
    api: AirflowApi
    bank: dict[str, Any]
    console: Console

    def __post_init__(self) -> None:
        """Take up the bank's stream where it is."""
        self.kafka = kafka_client(self.now, "pipeline")
        self.feed = BankFeed(
            Lake(self.now.lake),
            self.bank["seed"],
            self.bank["customers"],
            TRAINING_DAYS,
            now=datetime.now(UTC),
        )

    def send(self, rate: float, seconds: float, watch: Callable[[], None] = lambda: None) -> Measured:
        """Send a stretch, wait until all of it is through, and measure it.

        Parameters
        ----------
        rate
            Records a second.
        watch
            Called about four times a second meanwhile.
        """
        records = max(1, int(rate * seconds))
        with TopicOffsets(self.kafka, self.now.topics.transactions) as offsets:
            progress = Progress(self.now, offsets)
            sending = Stream(self.feed, self.kafka, self.now.topics.transactions, records, rate)
            before, began = processor_seconds(self.now), time.monotonic()
            sending.start()
            snapshot, problem = progress.until_through(sending, lambda _: watch())
        took, processors = time.monotonic() - began, spent(before, processor_seconds(self.now))
        sent = sending.result()
        batches = range(progress.first_batch, progress.next_batch - snapshot.batches_behind)
        with closing(Facts(self.now, batches)) as facts:
            facts.wait_for_deliveries(_DELIVERY_PATIENCE_SECONDS)
            return measure(
                Lake(self.now.lake),
                facts,
                batches,
                rate=rate,
                records=sent.records,
                seconds=took,
                problem=problem,
                processors=processors,
            )


@contextmanager
def flow(
    folder: Path, records: int, seed: int, console: Console, before: Callable[[Settings], None]
) -> Iterator[Flow]:
    """A stack with stores, customers and a first model.

    Parameters
    ----------
    records
        So many can be sent before the bank's calendar reaches the present.
    before
        Called with the stack's settings before it starts.
    """
    customers = customers_for(records, _LEAST_CUSTOMERS)
    bank = {"seed": seed, "customers": customers, "training_days": TRAINING_DAYS}
    with own_stack(folder) as now:
        before(now)
        stack.up(now, say=console.print)
        api = AirflowApi(now)
        make_bank(api, bank)
        yield Flow(now, api, bank, console)
