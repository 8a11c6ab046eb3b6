"""The way of one record: from its place in Kafka to the messages it led to, with the time of every step.

Read from what the stages have written down; account numbers and recipients are masked as on the desk's pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pyarrow.compute as pc

from include.alerts.alert import alert_id_for
from include.alerts.delivery import Delivery, DeliveryState
from include.alerts.delivery_masking import shown_error, shown_recipient
from include.alerts.masking import mask_account, mask_in
from include.pipeline.journey_search import Found, Outcome
from include.stores.case_ports import CaseStore, HandlingStore
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, scored_file
from include.stores.ports import AlertStore, LabelStore, OutboxStore
from include.transactions.dead_letter import DeadLetter
from include.transactions.resent import Resent


class Where(StrEnum):
    """Who did a step."""

    BROKER = "broker"
    PROCESSING = "processing"
    SCORING = "scoring"
    ALERTING = "alerting"
    OUTBOX = "outbox"
    LOADING = "loading"
    LABELS = "labels"
    CASE = "case"
    DEAD_LETTERS = "dead letters"


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened.

    Attributes
    ----------
    run
        The Airflow run that did it, as ``dag_id/run_id``; empty where it is not known.
    """

    at: datetime
    where: Where
    what: str
    detail: str = ""
    run: str = ""


@dataclass(frozen=True, slots=True)
class Journey:
    """The steps of a record, in order of their times.

    Attributes
    ----------
    waits_for
        What has not happened yet.
    notes
        What could not be looked at.
    """

    found: Found
    steps: tuple[Step, ...]
    waits_for: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """As JSON has it; seconds are since the step before."""
        before = [None, *(step.at for step in self.steps)]
        return {
            "transaction_id": self.found.transaction_id,
            "topic": self.found.topic,
            "partition": self.found.place.partition,
            "offset": self.found.place.offset,
            "outcome": self.found.outcome.value,
            "batch": self.found.batch,
            "steps": [
                {
                    "at": step.at.isoformat(),
                    "seconds": None if last is None else round((step.at - last).total_seconds(), 6),
                    "where": step.where.value,
                    "what": step.what,
                    "detail": step.detail,
                    "run": step.run,
                }
                for step, last in zip(self.steps, before, strict=False)
            ],
            "waits_for": list(self.waits_for),
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class JourneyStores:
    """What is asked beside the lake."""

    alerts: AlertStore
    handlings: HandlingStore
    outbox: OutboxStore
    cases: CaseStore
    labels: LabelStore


@dataclass(slots=True)
class _Way:
    steps: list[Step] = field(default_factory=list)
    waits_for: list[str] = field(default_factory=list)


def journey(
    lake: Lake,
    found: Found,
    stores: JourneyStores | None,
    letters: Sequence[tuple[DeadLetter, Resent | None]] = (),
    notes: Sequence[str] = (),
) -> Journey:
    """The way of a record that was found.

    Parameters
    ----------
    stores
        None: only the lake is asked.
    letters
        The record in the dead-letter topic, with what is known of its being sent again.
    """
    way, ledger = _Way(), BatchLedger(lake)
    if found.arrived_at is not None:
        way.steps.append(Step(found.arrived_at, Where.BROKER, "arrived", f"{found.topic} {found.place}"))
    if found.batch is not None:
        _of_processing(way, ledger, found)
    if found.outcome is Outcome.ACCEPTED and found.batch is not None:
        _of_scoring(way, lake, ledger, found)
        _of_later_stages(way, ledger, found.batch)
        if stores is not None and found.transaction_id is not None:
            way.steps += _of_stores(way, stores, found)
    for letter, again in letters:
        way.steps += _of_letter(letter, again)
    if found.outcome is Outcome.WAITING:
        way.waits_for.append("a batch: see the lag and the runs of process_transactions")
    steps = sorted(way.steps, key=lambda step: step.at)
    return Journey(found, tuple(steps), tuple(way.waits_for), tuple(notes))


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _run_of(manifest: dict[str, Any]) -> str:
    by = manifest.get("by") or {}
    return f"{by['dag_id']}/{by['run_id']}" if "run_id" in by else ""


def _as_first(manifest: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """A manifest as it was when the batch was first done, and a word on its having been done again."""
    if not manifest.get("first"):
        return manifest, ""
    return {
        **manifest,
        **manifest["first"],
    }, f"; done again at {_at(manifest['completed_at']):%Y-%m-%d %H:%M:%S}"


def _of_processing(way: _Way, ledger: BatchLedger, found: Found) -> None:
    manifest, again = _as_first(ledger.manifest(Stage.ACCEPTED, found.batch or 0) or {})
    if not manifest:
        return
    run, counts = _run_of(manifest), manifest["counts"]
    if "began_at" in manifest:
        way.steps.append(
            Step(_at(manifest["began_at"]), Where.PROCESSING, "taken up", f"batch {found.batch}", run)
        )
    words = {
        Outcome.ACCEPTED: "accepted",
        Outcome.DUPLICATE: "duplicate, left out",
        Outcome.DEAD_LETTERED: "refused",
    }
    said = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    detail = "; ".join([*found.reasons, f"batch {found.batch}: {said}{again}"])
    what = words.get(found.outcome, "read")
    way.steps.append(Step(_at(manifest["completed_at"]), Where.PROCESSING, what, detail, run))


def _of_scoring(way: _Way, lake: Lake, ledger: BatchLedger, found: Found) -> None:
    batch = found.batch or 0
    manifest = ledger.manifest(Stage.SCORED, batch)
    if manifest is None:
        way.waits_for.append("scoring")
        return
    manifest, again = _as_first(manifest)
    run = _run_of(manifest)
    if "began_at" in manifest:
        way.steps.append(Step(_at(manifest["began_at"]), Where.SCORING, "taken up", f"batch {batch}", run))
    table = lake.read_table(scored_file(batch))
    for row in table.filter(pc.field("transaction_id") == found.transaction_id).to_pylist():
        numbers = [str(row[name]) for name in ("account_id", "counterparty_id", "customer_id") if row[name]]
        score = "none" if row["score"] is None else f"{row['score']:.4f}"
        detail = [
            f"score {score}, level {row['level']}, model {row['model_version'] or 'none'}, "
            f"rule set {row['ruleset_version']}, account {mask_account(row['account_id'])}",
            f"rules: {', '.join(row['rule_hits'] or ()) or 'none'}",
            *(mask_in(reason, numbers) for reason in row["reasons"] or ()),
        ]
        what = row["decision"] if row["decision"] == "ALLOW" else f"{row['decision']}, {row['severity']}"
        way.steps.append(Step(_utc(row["scored_at"]), Where.SCORING, what, "; ".join(detail), run))
    done = f"batch {batch}{again}"
    way.steps.append(Step(_at(manifest["completed_at"]), Where.SCORING, "batch scored", done, run))


def _of_later_stages(way: _Way, ledger: BatchLedger, batch: int) -> None:
    if ledger.manifest(Stage.SCORED, batch) is None:
        return
    for stage, where, what, missing in (
        (Stage.ALERTED, Where.ALERTING, "alerts of the batch raised", "raising alerts"),
        (Stage.STORED, Where.LOADING, "loaded to Cassandra", "loading to Cassandra"),
    ):
        manifest = ledger.manifest(stage, batch)
        if manifest is None:
            way.waits_for.append(missing)
            continue
        manifest, again = _as_first(manifest)
        said = ", ".join(f"{count:,} {name}" for name, count in manifest["counts"].items())
        way.steps.append(
            Step(_at(manifest["completed_at"]), where, what, f"{said}{again}", _run_of(manifest))
        )


def _of_stores(way: _Way, stores: JourneyStores, found: Found) -> Iterator[Step]:
    transaction_id = found.transaction_id or ""
    alert_id = alert_id_for(transaction_id)
    alert = stores.alerts.get(alert_id)
    if alert is not None:
        handling = stores.handlings.handlings([alert_id]).get(alert_id)
        if handling is None:
            became = "nobody has decided yet who is told"
        elif handling.suppression_id is not None:
            became = "suppressed, nobody is told"
        elif handling.leader_id != alert_id:
            became = f"joined to alert {handling.leader_id}"
        else:
            became = "told"
        yield Step(
            alert.raised_at,
            Where.ALERTING,
            f"alert, {alert.severity}",
            f"{alert_id}, {alert.typology}, {became}",
        )
        for delivery in stores.outbox.of_alert(alert_id):
            yield from _of_delivery(way, delivery)
        for event in stores.cases.history(alert_id):
            detail = f"by {event.deed.actor}, then {event.case.status}"
            yield Step(event.deed.at, Where.CASE, event.deed.action.value, detail)
    for label in stores.labels.get_many([transaction_id]).get(transaction_id, []):
        word = "fraud" if label.is_fraud else "genuine"
        yield Step(label.labelled_at, Where.LABELS, f"labelled {word}", f"by {label.source}")


def _of_delivery(way: _Way, delivery: Delivery) -> Iterator[Step]:
    to = f"{delivery.channel} to {shown_recipient(delivery)} ({delivery.audience})"
    yield Step(delivery.created_at, Where.OUTBOX, "PENDING", to)
    tries = f"{delivery.attempts} attempt{'s' * (delivery.attempts != 1)}"
    error = f", last error: {shown_error(delivery)}" if delivery.last_error else ""
    if delivery.state is DeliveryState.DELIVERED and delivery.delivered_at is not None:
        vendor = f", vendor's id {delivery.provider_id}" if delivery.provider_id else ""
        yield Step(delivery.delivered_at, Where.OUTBOX, "DELIVERED", f"{to}, {tries}{vendor}")
    elif delivery.state is DeliveryState.DIGESTED:
        way.waits_for.append(f"nothing alone: {to} is told of in digest {delivery.digest_id}")
    elif delivery.state is DeliveryState.DEAD:
        way.waits_for.append(f"a person: {to} is DEAD after {tries}{error}")
    else:
        due = f", due {delivery.next_attempt_at:%Y-%m-%d %H:%M:%S}" if delivery.next_attempt_at else ""
        way.waits_for.append(f"delivery: {to} is {delivery.state} after {tries}{due}{error}")


def _of_letter(letter: DeadLetter, again: Resent | None) -> Iterator[Step]:
    yield Step(
        letter.dead_at,
        Where.DEAD_LETTERS,
        "dead-lettered",
        f"place {letter.place}; {'; '.join(letter.reasons)}",
    )
    if again is not None:
        yield Step(
            again.claimed_at, Where.DEAD_LETTERS, "sent again",
            f"by {again.by} as transaction {again.transaction_id}, {again.state}",
        )  # fmt: skip


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)
