"""The course of a demo."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.live import Live

from include.local import stack
from include.local.airflow_api import AirflowApi
from include.local.clients import kafka_client
from include.local.demo.facts import Facts, latencies, mailbox_count
from include.local.demo.progress import Progress, Snapshot
from include.local.demo.stream import Stream
from include.pipeline.bank import BankFeed, customers_for
from include.privacy.settings import pseudonymiser
from include.reports.checks import failed, said
from include.reports.demo import LATENCY_BOUND, DemoRecord
from include.reports.table import checks_table, counts_table
from include.settings import Settings
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger
from include.stores.lake.names import LABELS
from include.transactions.dead_letters import KafkaDeadLetters
from include.transactions.offsets import TopicOffsets
from include.transactions.producer import TransactionProducer

_LEAST_CUSTOMERS = 5_000
_TELL_EVERY_SECONDS = 10.0
#: After the last batch: a delivery that failed once waits for its next try.
_DELIVERY_PATIENCE_SECONDS = 300.0
_LABEL_PATIENCE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class DemoOrder:
    """What was asked for.

    Attributes
    ----------
    transactions
        Records to send, disturbances included.
    rate
        Records a second; 0 for full speed.
    customers
        0: as many as the stream needs to fit into the bank's week.
    """

    transactions: int = 20_000
    rate: float = 200.0
    seed: int = 7
    customers: int = 0
    training_days: int = 30

    @property
    def bank(self) -> dict[str, Any]:
        """Params of the DAGs that make the bank's history and model."""
        customers = self.customers or customers_for(self.transactions, _LEAST_CUSTOMERS)
        return {"seed": self.seed, "customers": customers, "training_days": self.training_days}


def run_demo(settings: Settings, order: DemoOrder, report: Path) -> DemoRecord:
    """Bring the stack up, send the stream, wait until it is through, write the report.

    Raises
    ------
    LocalStackError
        A part of it could not even start; otherwise problems are in the record.
    """
    console = Console()
    console.print("[bold]1. The stack[/]")
    stack.up(settings, say=console.print)
    console.print("[bold]2. Topics, tables, rules, customers; the bank's history and the first model[/]")
    api = AirflowApi(settings)
    _timed(console, "stores", lambda: api.run("initialize_stores", {}, 600))
    _timed(console, "customers", lambda: api.run("load_customers", order.bank, 600))
    _timed(console, "model", lambda: api.run("train_models", order.bank | {"only_if_missing": True}, 1500))
    console.print(
        f"[bold]3. {order.transactions:,} transactions, {order.rate:g} a second, seed {order.seed}[/]"
    )
    record = _stream(settings, order, api, console)
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps(record.document(), indent=1))
    _tell(console, record, report)
    return record


def _timed(console: Console, name: str, action: Callable[[], None]) -> None:
    began = time.monotonic()
    action()
    console.print(f"  {name:<14} done after {time.monotonic() - began:5.1f} s")


def _stream(settings: Settings, order: DemoOrder, api: AirflowApi, console: Console) -> DemoRecord:
    kafka, bank = kafka_client(settings, "pipeline"), kafka_client(settings, "bank")
    feed = BankFeed(
        Lake(settings.lake), order.seed, order.bank["customers"], order.training_days, now=datetime.now(UTC),
        names=pseudonymiser(),
    )  # fmt: skip
    components = stack.components(settings)
    mails_before = mailbox_count(settings)
    began_at, began = datetime.now(UTC), time.monotonic()
    dead_letters = KafkaDeadLetters(kafka, settings.topics.dead_letter, settings.topics.transactions)
    dead_before = dead_letters.ends()
    with TopicOffsets(kafka, settings.topics.transactions) as offsets:
        progress = Progress(settings, offsets)
        stream = Stream(feed, bank, settings.topics.transactions, order.transactions, order.rate)
        stream.start()
        psutil.cpu_percent()
        snapshot, problem = _watch(stream, progress, console)
        busy, seconds = psutil.cpu_percent() / 100, time.monotonic() - began
        sent = stream.result()
        labels = _labels(settings, feed, bank)
        facts = Facts(settings, range(progress.first_batch, progress.next_batch - snapshot.batches_behind))
        try:
            facts.wait_for_deliveries(_DELIVERY_PATIENCE_SECONDS)
            typologies, true_alerts = facts.against(sent.truth)
            deliveries = facts.deliveries()
            after = stack.components(settings)
            problems = [problem] if problem else []
            problems += [f"{name} is {state.label}" for name, state in after.items() if not state.is_running]
            problems += [f"task {task} failed for good" for task in api.failed_tasks(began_at.isoformat())]
            return DemoRecord(
                produced=sent.records,
                broken=sent.malformed,
                repeated=sent.duplicates,
                accepted=snapshot.accepted,
                duplicates=snapshot.duplicates,
                dead_lettered=snapshot.dead_lettered,
                dead_letters_in_topic=len(dead_letters.since(dead_before)),
                scored=facts.scored(),
                alert_decisions=facts.alert_decisions(),
                alerts=facts.alerts(),
                joined=facts.joined(),
                notifications_sent=sum(delivery.delivered_at is not None for delivery in deliveries),
                notifications_open=facts.open_deliveries(),
                mails=mailbox_count(settings)
                - mails_before
                - facts.notices(began_at)
                - facts.other_messages(began_at),
                stored=facts.stored(),
                rate=order.rate,
                seconds=round(seconds, 1),
                labels_sent=labels[0],
                labels_collected=labels[1],
                longest_gap=facts.longest_gap(stream.began_at or began_at, stream.ended_at or began_at),
                latencies=latencies(deliveries),
                per_typology=typologies,
                true_alerts=true_alerts,
                model=facts.model(),
                busy=busy,
                restarts=[name for name, state in after.items() if state.started != components[name].started],
                problems=problems,
            )
        finally:
            facts.close()


def _watch(stream: Stream, progress: Progress, console: Console) -> tuple[Snapshot, str | None]:
    """Show how it goes until everything is through or nothing moves any more."""
    told = time.monotonic()
    with Live(console=console, auto_refresh=False, transient=True) as live:

        def tell(snapshot: Snapshot) -> None:
            nonlocal told
            if console.is_terminal:
                live.update(snapshot.table(), refresh=True)
            elif time.monotonic() - told > _TELL_EVERY_SECONDS:
                told = time.monotonic()
                console.print(f"  {snapshot.line()}")

        return progress.until_through(stream, tell)


def _labels(settings: Settings, feed: BankFeed, kafka: dict[str, Any]) -> tuple[int, int]:
    """Send the labels that are known by now; returns how many, and how many came into batches."""
    ledger = BatchLedger(Lake(settings.lake))
    before = ledger.cursor(LABELS).totals.get("accepted", 0)
    with TransactionProducer(kafka["bootstrap.servers"], settings.topics.labels, config=kafka) as producer:
        sent = feed.send_labels(producer.deliver)
    end = time.monotonic() + _LABEL_PATIENCE_SECONDS
    while (collected := ledger.cursor(LABELS).totals.get("accepted", 0) - before) < sent:
        if time.monotonic() > end:
            break
        time.sleep(0.5)
    return sent, collected


def _tell(console: Console, record: DemoRecord, report: Path) -> None:
    counts = {
        "produced": record.produced,
        "accepted": record.accepted,
        "duplicates": record.duplicates,
        "dead-lettered": record.dead_lettered,
        "scored": record.scored,
        "stored in Cassandra": record.stored,
        "alerts": record.alerts,
        "of them joined to an earlier one": record.joined,
        "notifications sent": record.notifications_sent,
        "fraud labels": record.labels_collected,
        "seconds": record.seconds,
    }
    console.print(counts_table(counts, "What became of it"))
    recall = {
        name: f"{result.caught} of {result.frauds} caught" for name, result in record.per_typology.items()
    }
    console.print(counts_table(recall, "Fraud by typology"))
    checks = record.checks()
    console.print(checks_table(checks))
    if record.restarts:
        console.print(f"Restarted meanwhile: {', '.join(record.restarts)}; the latency is told, not judged.")
    if record.is_saturated and (record.latency(95) or 0) > LATENCY_BOUND:
        slower = max(1, round(record.rate / 4))
        console.print(
            f"The processors were busy {record.busy:.0%} of the time: transactions waited for them. Nothing is lost by "
            f"that, and the latency is told, not judged; for {LATENCY_BOUND:g} s take more or faster cores, or a lower "
            f"rate, e.g. make demo RATE={slower}"
        )
    for problem in record.problems:
        console.print(f"[red]Problem:[/] {problem}")
    for check in failed(checks):
        console.print(f"[red]Does not hold:[/] {check.name} is {said(check)}, must be {check.must}")
    console.print(f"Report: {report}")
