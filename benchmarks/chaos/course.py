"""The course of a chaos run."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from benchmarks.bank import make_bank
from benchmarks.chaos.books import Book, books
from benchmarks.chaos.faults import OUTAGE_SECONDS, Fault, Kind
from benchmarks.chaos.injection import Injector
from benchmarks.chaos.produced import produced
from benchmarks.chaos.proxy import CuttableProxy
from benchmarks.chaos.record import ChaosRecord, Outcome
from benchmarks.chaos.recovery import FlowWatch, Pulse
from benchmarks.chaos.stream import SteadyStream
from benchmarks.chaos.victims import NoVictim, Victims
from include.governance.decisions import PROVISIONAL
from include.governance.incidents import open_incidents, recent_incidents
from include.local import stack
from include.local.airflow_api import AirflowApi
from include.local.clients import cassandra_client, kafka_client
from include.local.demo.facts import Facts
from include.pipeline.bank import BankFeed, customers_for
from include.pipeline.batch_log import batch_numbers
from include.pipeline.provisional import waiting_for_history
from include.settings import Settings
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage
from include.stores.lake.names import LABELS
from include.transactions.offsets import TopicOffsets, lag

#: A fault that has not been recovered from by then never will be.
RECOVERY_LIMIT_SECONDS = 300.0
_RUN_LIMIT_SECONDS = 300.0
_DRAIN_LIMIT_SECONDS = 600.0
_SETTLE_LIMIT_SECONDS = 420.0
_QUIET_LIMIT_SECONDS = 180.0
_SECONDS_A_FAULT = 75.0  # for the bank's calendar to be long enough
_LEAST_CUSTOMERS = 600
_TRAINING_DAYS = 20
_TRAIN_ROWS = 60_000


@dataclass(frozen=True, slots=True)
class ChaosOrder:
    """What was asked for."""

    faults: Sequence[Fault]
    seed: int
    rate: float

    @property
    def bank(self) -> dict[str, Any]:
        """Params of the DAGs that make the bank."""
        outages = sum(fault.kind is Kind.OUTAGE for fault in self.faults)
        records = self.rate * (_SECONDS_A_FAULT * (len(self.faults) + 4) + OUTAGE_SECONDS * outages)
        customers = customers_for(records, _LEAST_CUSTOMERS)
        return {"seed": self.seed, "customers": customers, "training_days": _TRAINING_DAYS}


def run_chaos(settings: Settings, order: ChaosOrder, console: Console) -> ChaosRecord:
    """Bring a stack up, let the stream flow, do the faults, and close the books.

    Raises
    ------
    LocalStackError
        The stack could not even start, or the stream broke off.
    """
    console.print("[bold]1. The stack, its stores and its first model[/]")
    stack.up(settings, say=console.print)
    api = AirflowApi(settings)
    # That a training which was killed is done again is looked at here, not how much it learns from.
    api.set_variable("adaptation", {"train_rows": _TRAIN_ROWS})
    make_bank(api, order.bank)
    kafka = kafka_client(settings, "pipeline")
    lake = Lake(settings.lake)
    feed = BankFeed(lake, order.seed, order.bank["customers"], _TRAINING_DAYS, now=datetime.now(UTC))
    console.print(f"[bold]2. {len(order.faults)} faults under {order.rate:g} transactions a second[/]")
    draw, watch, pulse = random.Random(order.seed), FlowWatch(settings, kafka), Pulse(lake)
    stream = SteadyStream(feed, kafka, (settings.topics.transactions, settings.topics.labels), order.rate)
    with CuttableProxy(settings.ports.cassandra) as proxy:
        injector = Injector(settings, Victims(settings), proxy, order.bank, feed.customer_ids[0], draw)
        injector.route_through_proxy()
        stream.start()
        pulse.start()
        doing = _Faults(injector, watch, pulse, stream, draw, lake, console)
        outcomes, problems = doing.do(order.faults)
        pulse.finish()
        console.print("[bold]3. What is under way comes to its end[/]")
        stream.finish()
        problems += _wait_for_the_end(settings, lake, kafka, watch, stream)
        # The proxy goes with this command; the stack may stay.
        api.set_port("cassandra_default", settings.ports.cassandra)
    console.print("[bold]4. The books[/]")
    made = produced(settings, kafka)
    record = ChaosRecord(order.seed, order.rate, made.records, stream.records, outcomes, [])
    record.problems, record.open_incidents = problems, _wait_for_quiet(lake)
    record.waiting = waiting_for_history(lake).batches
    session = cassandra_client(settings, "reader").connect()
    try:
        record.books = books(settings, kafka, session, made)
    finally:
        session.cluster.shutdown()
    record.attribute()
    _tell(record, console)
    return record


@dataclass(frozen=True, slots=True)
class _Faults:
    """Does faults to a stack through which a stream flows, one after the other, and looks what comes of each."""

    injector: Injector
    watch: FlowWatch
    pulse: Pulse
    stream: SteadyStream
    draw: random.Random
    lake: Lake
    console: Console

    def do(self, faults: Sequence[Fault]) -> tuple[list[Outcome], list[str]]:
        """Outcomes, and problems in words; none is done after one that was not recovered from."""
        outcomes: list[Outcome] = []
        problems: list[str] = []
        if self._recovered({}, time.monotonic()) is None:
            return outcomes, [f"nothing flowed within {RECOVERY_LIMIT_SECONDS:.0f} s, before any fault"]
        for number, fault in enumerate(faults, 1):
            time.sleep(self.draw.uniform(0.5, 4.0))
            outcome = Outcome(fault, datetime.now(UTC))
            outcomes.append(outcome)
            try:
                self._do_one(outcome)
            except NoVictim as nobody:
                problems.append(f"{fault}: {nobody}")
                continue
            self._tell(f"{number:>3}/{len(faults)}", outcome)
            if outcome.seconds is None:
                problems.append(f"nothing flows any more after {fault}")
                break
        return outcomes, problems

    def _do_one(self, outcome: Outcome) -> None:
        """Do a fault, wait until it is over, and note what came of it."""
        before, provisional = self.watch.ends() or {}, len(batch_numbers(self.lake, PROVISIONAL))
        standstill = self.pulse.begin()
        injection = self.injector.do(outcome.fault)
        # What came while it lasted may have been taken already.
        outcome.seconds = self._recovered(self.watch.ends() or before, injection.ended)
        outcome.still = round(standstill.longest, 1)
        outcome.without_history = len(batch_numbers(self.lake, PROVISIONAL)) - provisional
        outcome.incidents = [
            one.key for one in recent_incidents(self.lake, outcome.at) if one.last_seen >= outcome.at
        ]
        if injection.run is not None:
            outcome.run_succeeded = self.injector.wait_for_run(injection.run, _RUN_LIMIT_SECONDS)
        outcome.detail = injection.detail
        if outcome.incidents:
            outcome.detail += f" [{', '.join(outcome.incidents)}]"

    def _recovered(self, since: dict[int, int], began: float) -> float | None:
        return self.watch.wait_until_through(since, began, RECOVERY_LIMIT_SECONDS, self.stream.check)

    def _tell(self, place: str, outcome: Outcome) -> None:
        took = "never recovered" if outcome.seconds is None else f"{outcome.seconds:5.1f} s"
        ran = {True: "", False: "; its run FAILED", None: ""}[outcome.run_succeeded]
        self.console.print(f"  {place}  {outcome.fault!s:<38} {took}{ran}  {outcome.detail}", highlight=False)


def _wait_for_the_end(
    settings: Settings, lake: Lake, kafka: dict[str, str], watch: FlowWatch, stream: SteadyStream
) -> list[str]:
    """Wait until every stage, the labels and the outbox have nothing left to do; what has, in words."""
    if not watch.wait_until_drained(_DRAIN_LIMIT_SECONDS, stream.check):
        return [f"waited {_DRAIN_LIMIT_SECONDS:.0f} s for every stage to be done, in vain"]
    ledger = BatchLedger(lake)
    with TopicOffsets(kafka, settings.topics.labels) as offsets:
        ends = offsets.ends()
    facts = Facts(settings, range(ledger.cursor(Stage.SCORED).next_batch))
    try:
        end = time.monotonic() + _SETTLE_LIMIT_SECONDS
        while True:
            labels, deliveries = lag(ends, ledger.processed_offsets(LABELS)), facts.open_deliveries()
            if not labels and not deliveries:
                return []
            if time.monotonic() > end:
                return [
                    f"waited {_SETTLE_LIMIT_SECONDS:.0f} s for {labels} labels and {deliveries} deliveries, in vain"
                ]
            time.sleep(2)
    finally:
        facts.close()


def _wait_for_quiet(lake: Lake) -> list[str]:
    """Wait until no incident is open any more; those that still are, in words."""
    end = time.monotonic() + _QUIET_LIMIT_SECONDS
    while (left := open_incidents(lake)) and time.monotonic() < end:
        time.sleep(2)
    return [f"{one.key}: {one.words}" for one in left]


def _tell(record: ChaosRecord, console: Console) -> None:
    console.print(record.faults_table())
    console.print(record.books_table())
    for book in record.books:
        _tell_book(book, console)
    for incident in record.open_incidents:
        console.print(f"Incident still open: {incident}", style="red", markup=False)
    for problem in record.problems:
        console.print(f"Problem: {problem}", style="red", markup=False)


def _tell_book(book: Book, console: Console, most: int = 5) -> None:
    for word, entries in (("lost", book.lost), ("doubled", book.doubled)):
        for name, at in entries[:most]:
            console.print(f"{book.store}: {word}: {name} {at or ''}", style="red", markup=False)
    for text in book.differs[:most]:
        console.print(f"{book.store}: different: {text}", style="red", markup=False)
