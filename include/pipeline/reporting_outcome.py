"""What became of a period: labels, cases, drift, suppressions, as they stand when the report is made."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from include.adaptation.drift.alarm import Alarm
from include.alerts.masking import mask_account
from include.cases.case import Action, CaseEvent, Worklist
from include.cases.paging import every_page
from include.cases.queue import LONGEST_PAGE, Ordering, QueueEntry, QueueQuery
from include.cases.suppressions import Scope, Suppression
from include.pipeline import drift
from include.pipeline.known_labels import label_files, labels_until, newest_verdicts
from include.pipeline.labelling import JOINED
from include.pipeline.reporting_scan import batches_between
from include.reports.figures import (
    CaseFigures,
    DriftNote,
    Loss,
    Outcome,
    StatusCount,
    SuppressionNote,
    Total,
    added,
)
from include.reports.spread import Spread
from include.stores.case_ports import CaseStore, QueueStore
from include.stores.lake.files import Lake
from include.stores.lake.ledger import Stage, scored_file
from include.stores.lake.names import LABELS

#: Typology of a fraud that nothing pointed to.
NONE_SUSPECTED = "none suspected"

_VERDICT = ("transaction_id", "is_fraud", "batch")
_DECISION = ("transaction_id", "amount", "currency", "decision", "typology")


@dataclass
class _Sum:
    transactions: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)

    def add(self, currency: str, amount: Decimal) -> None:
        self.transactions += 1
        self.amounts[currency] = self.amounts.get(currency, Decimal(0)) + amount

    def total(self) -> Total:
        return Total(transactions=self.transactions, amounts=added([self.amounts]))


def outcome_of(lake: Lake, since: datetime, until: datetime, now: datetime) -> Outcome:
    """What labels say of the transactions decided on in [since, until): the newest verdict on each counts.

    Reads the batches that labels speak of, one at a time. A label is collected after its transaction was scored,
    so only batches of labels from ``since`` on are looked at.
    """
    batches = batches_between(lake, Stage.SCORED, since, until)
    verdict, by_batch = _verdicts(lake, batches, since)
    prevented, missed = defaultdict[str, _Sum](_Sum), defaultdict[str, _Sum](_Sum)
    alerts: Counter[bool] = Counter()
    not_found = 0
    for batch, names in sorted(by_batch.items()):
        if not lake.exists(scored_file(batch)):
            not_found += len(names)
            continue
        rows = lake.read_table(scored_file(batch), _DECISION)
        rows = rows.filter(pc.is_in(rows["transaction_id"], value_set=pa.array(sorted(names), pa.string())))
        for row in rows.to_pylist():
            is_fraud, is_alert = verdict[row["transaction_id"]], row["decision"] == "ALERT"
            alerts[is_fraud] += is_alert
            if is_fraud:
                found = (prevented if is_alert else missed)[row["typology"] or NONE_SUSPECTED]
                found.add(row["currency"], row["amount"])
    return Outcome(
        as_of=now,
        fraud_alerts=alerts[True],
        false_alerts=alerts[False],
        losses=tuple(
            Loss(typology=name, prevented=prevented[name].total(), missed=missed[name].total())
            for name in sorted({*prevented, *missed})
        ),
        not_found=not_found,
    )


def _verdicts(lake: Lake, batches: range, since: datetime) -> tuple[dict[str, bool], dict[int, set[str]]]:
    """The newest verdict on each transaction of some batches, and which transactions of each batch have one."""
    verdict: dict[str, bool] = {}
    by_batch: dict[int, set[str]] = defaultdict(set)
    if not batches:
        return verdict, by_batch
    stop = labels_until(lake)
    first = batches_between(lake, LABELS, since, datetime.max.replace(tzinfo=UTC)).start
    for path in label_files(lake, first, stop, JOINED):
        told = lake.read_table(path, _VERDICT)
        inside = pc.and_(pc.greater_equal(told["batch"], batches.start), pc.less(told["batch"], batches.stop))
        told = told.filter(inside)
        verdict |= newest_verdicts(told)
        for name, batch in zip(told["transaction_id"].to_pylist(), told["batch"].to_pylist(), strict=True):
            by_batch[batch].add(name)
    return verdict, by_batch


def cases_of(queue: QueueStore, cases: CaseStore, since: datetime, until: datetime) -> CaseFigures:
    """Where the cases of the alerts raised in [since, until) stand, and how long decisions took."""
    counts = queue.counts(since, until)
    durations, escalated = [], 0
    for entry in _closed(queue, since, until):
        history = cases.history(entry.alert_id)
        if (decided := decided_at(history)) is not None:
            durations.append((decided - entry.raised_at).total_seconds())
        escalated += any(event.deed.action is Action.ESCALATE for event in history)
    standing = tuple(
        StatusCount(status=one.status, severity=one.severity, cases=one.count)
        for one in sorted(counts, key=lambda one: (one.status, -one.severity.rank))
        if one.count
    )
    figures = CaseFigures(counts=standing, to_disposition=Spread.of(durations))
    return figures.model_copy(update={"escalated": escalated + figures.standing("ESCALATED")})


def decided_at(history: Sequence[CaseEvent]) -> datetime | None:
    """When the decision that stands was taken; None while there is none. Comments afterwards do not move it."""
    decided: datetime | None = None
    for event in history:
        if event.case.is_fraud is None:
            decided = None
        elif decided is None:
            decided = event.deed.at
    return decided


def _closed(queue: QueueStore, since: datetime, until: datetime) -> Iterator[QueueEntry]:
    query = QueueQuery(since, until, Ordering.NEWEST, worklist=Worklist.CLOSED, limit=LONGEST_PAGE)
    return chain.from_iterable(every_page(queue, query))


def drift_of(lake: Lake, since: datetime, until: datetime) -> tuple[DriftNote, ...]:
    """Alarms that were told in [since, until), the oldest first: by when they were written down."""
    notes = []
    for path in lake.written_since(f"{drift.FOLDER}/alarms", since):
        told = lake.modified_at(path)
        if not path.endswith(".json") or told is None or told >= until:
            continue
        alarm = Alarm.model_validate(lake.read_json(path))
        notes.append(
            DriftNote(
                alarm_id=alarm.id,
                told_at=told,
                since=alarm.since,
                sentence=alarm.sentence,
                confidence=alarm.confidence,
                model_version=alarm.model_version,
            )
        )
    return tuple(sorted(notes, key=lambda note: (note.told_at, note.alarm_id)))


def suppressions_of(
    suppressions: Sequence[Suppression], since: datetime, until: datetime
) -> tuple[SuppressionNote, ...]:
    """Those that held at some time of [since, until), the oldest first; accounts are masked."""
    notes = []
    for one in suppressions:
        end = min(one.until, one.lifted_at or one.until)
        if one.created_at < until and end > since:
            hidden = one.scope in (Scope.ACCOUNT, Scope.COUNTERPARTY)
            value = mask_account(one.value) if hidden else one.value
            notes.append(
                SuppressionNote(
                    scope=one.scope, value=value, reason=one.reason, author=one.author,
                    since=one.created_at, until=end,
                )
            )  # fmt: skip
    return tuple(sorted(notes, key=lambda note: (note.since, note.scope, note.value)))
