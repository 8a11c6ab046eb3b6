"""Everything the desk knows of an alert, as one model."""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from pydantic import BaseModel

from include.alerts.alert import Alert, Severity
from include.alerts.message import alert_reference
from include.cases.case import Action, CaseEvent, Status
from include.cases.queue import Ordering, QueueQuery, usual_span
from include.cases.suppressions import Suppression
from include.detection.reasons import catalogue_words
from include.detection.scored import FULL, RULES_ONLY
from include.features.catalogue import FEATURES
from include.rules.reasons import evidence_parted
from include.transactions.labels import LabelEvent
from plugins.fraud_desk.acting import CaseState
from plugins.fraud_desk.bank import Stores
from plugins.fraud_desk.rows import AlertRow, rows_of, rows_of_alerts

#: Most alerts of the same account, of the same counterparty, and repeats that are listed.
RELATED = 20


class Contribution(BaseModel):
    """What a feature added to the model's log-odds."""

    feature: str
    words: str
    added: float


class Step(BaseModel):
    """Something that was done to the case."""

    number: int
    action: Action
    actor: str
    at: datetime
    comment: str
    assignee: str | None
    until: datetime | None
    status: Status

    @classmethod
    def of(cls, event: CaseEvent) -> Step:
        """The step an event was."""
        deed = event.deed
        return cls(
            number=event.case.version, action=deed.action, actor=deed.actor, at=deed.at, comment=deed.comment,
            assignee=deed.assignee, until=deed.until, status=event.case.status,
        )  # fmt: skip


class Verdict(BaseModel):
    """What a source says of the transaction."""

    source: str
    is_fraud: bool
    at: datetime

    @classmethod
    def of(cls, label: LabelEvent) -> Verdict:
        """Of a label."""
        return cls(source=label.source, is_fraud=label.is_fraud, at=label.labelled_at)


class Hush(BaseModel):
    """Why nobody was told of the alert."""

    suppression_id: uuid.UUID
    scope: str
    value: str
    reason: str
    author: str
    until: datetime

    @classmethod
    def of(cls, one: Suppression) -> Hush:
        """Of a suppression."""
        return cls(
            suppression_id=one.suppression_id, scope=one.scope.value, value=one.value, reason=one.reason,
            author=one.author, until=one.until,
        )  # fmt: skip


class AlertView(BaseModel):
    """Everything the page shows of an alert."""

    alert_id: uuid.UUID
    reference: str
    transaction_id: str
    batch_id: int
    account_id: str
    customer_id: str | None
    counterparty_id: str
    amount: Decimal
    currency: str
    transaction_type: str
    channel: str
    country: str
    occurred_at: datetime
    arrived_at: datetime
    raised_at: datetime
    severity: Severity
    typology: str
    score: float | None
    level: (
        str  # at which it was decided: FULL or RULES_ONLY; what was decided without history is no alert yet
    )
    rule_hits: tuple[str, ...]
    reasons: tuple[str, ...]
    contributions: tuple[Contribution, ...]
    model_version: str
    ruleset_version: str
    case: CaseState
    snoozed_until: datetime | None
    changed_by: str | None
    leader_id: uuid.UUID | None
    suppression: Hush | None
    repeats: tuple[AlertRow, ...]
    of_account: tuple[AlertRow, ...]
    of_counterparty: tuple[AlertRow, ...]
    history: tuple[Step, ...]
    verdicts: tuple[Verdict, ...]


def view_of(stores: Stores, alert: Alert) -> AlertView:
    """All of it; about ten questions to the store, none of them for each row."""
    case = stores.casework.current([alert.alert_id])[alert.alert_id]
    repeats = stores.handlings.repeats([alert.alert_id]).get(alert.alert_id, [])
    labels = stores.labels.get_many([alert.transaction_id]).get(alert.transaction_id, [])
    return AlertView(
        alert_id=alert.alert_id,
        reference=alert_reference(alert.alert_id),
        transaction_id=alert.transaction_id,
        batch_id=alert.batch_id,
        account_id=alert.account_id,
        customer_id=alert.customer_id,
        counterparty_id=alert.counterparty_id,
        amount=alert.amount,
        currency=alert.currency,
        transaction_type=alert.transaction_type,
        channel=alert.channel,
        country=alert.country,
        occurred_at=alert.occurred_at,
        arrived_at=alert.arrived_at,
        raised_at=alert.raised_at,
        severity=alert.severity,
        typology=alert.typology,
        score=None if math.isnan(alert.score) else alert.score,
        level=FULL if alert.model_version else RULES_ONLY,
        rule_hits=alert.rule_hits,
        reasons=alert.reasons,
        contributions=_contributions(alert),
        model_version=alert.model_version,
        ruleset_version=alert.ruleset_version,
        case=CaseState.of(case),
        snoozed_until=case.snoozed_until,
        changed_by=case.changed_by,
        leader_id=case.leader_id,
        suppression=_hush(stores, case.suppression_id),
        repeats=_listed(stores, repeats),
        of_account=_of_account(stores, alert, repeats),
        of_counterparty=_of_counterparty(stores, alert),
        history=tuple(Step.of(event) for event in stores.cases.history(alert.alert_id)),
        verdicts=tuple(Verdict.of(label) for label in labels),
    )


def _contributions(alert: Alert) -> tuple[Contribution, ...]:
    order = sorted(alert.contributions.items(), key=lambda item: -abs(item[1]))
    return tuple(
        Contribution(
            feature=name, words=catalogue_words(name, alert.features.get(name, math.nan)), added=added
        )
        for name, added in order
    )


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason as the page tells it; of a rule with the figures that made it hit."""

    words: str
    figures: tuple[str, ...] = ()


def told_reasons(alert: Alert) -> tuple[Reason, ...]:
    """The reasons without what the page says anyway, below them, of what moved the model."""
    said = {one.words.casefold() for one in _contributions(alert)}
    rules, others = alert.reasons[: len(alert.rule_hits)], alert.reasons[len(alert.rule_hits) :]
    parts = [evidence_parted(reason) for reason in rules]
    return (
        *(Reason(words, tuple(_figure(one) for one in evidence)) for words, evidence in parts),
        *(Reason(reason) for reason in others if reason.casefold() not in said),
    )


def _figure(evidence: str) -> str:
    """``account_count_1h = 12, threshold >= 5`` in the catalogue's words; as it is where that has none."""
    name, _, rest = evidence.partition(" = ")
    shown, _, threshold = rest.partition(", threshold ")
    try:
        words = catalogue_words(name, float(shown)) if name in FEATURES else f"{name} = {shown}"
    except ValueError:  # a text or a time
        words = f"{name} = {shown}"
    return f"{words} (threshold {threshold})" if threshold else words


def _hush(stores: Stores, suppression_id: uuid.UUID | None) -> Hush | None:
    if suppression_id is None:
        return None
    found = [one for one in stores.suppressions.all() if one.suppression_id == suppression_id]
    return Hush.of(found[0]) if found else None


def _listed(stores: Stores, alert_ids: list[uuid.UUID]) -> tuple[AlertRow, ...]:
    alerts = stores.alerts.get_many(alert_ids[:RELATED]).values()
    return rows_of_alerts(stores, sorted(alerts, key=lambda one: one.raised_at, reverse=True))


def _of_account(stores: Stores, alert: Alert, repeats: list[uuid.UUID]) -> tuple[AlertRow, ...]:
    """Alerts of the account that are listed nowhere else on the page."""
    elsewhere = {alert.alert_id, *repeats}
    newest = stores.alerts.by_account(alert.account_id, RELATED + len(elsewhere))
    return rows_of_alerts(stores, [one for one in newest if one.alert_id not in elsewhere][:RELATED])


def _of_counterparty(stores: Stores, alert: Alert) -> tuple[AlertRow, ...]:
    rows = of_counterparty(stores, alert.counterparty_id, RELATED + 1)
    return tuple(row for row in rows if row.alert_id != alert.alert_id)[:RELATED]


def of_counterparty(stores: Stores, counterparty_id: str, limit: int) -> tuple[AlertRow, ...]:
    """The newest alerts at a counterparty, of the days the queue usually looks back."""
    since, until = usual_span(datetime.now(UTC))
    query = QueueQuery(
        since,
        until,
        Ordering.NEWEST,
        worklist=None,
        counterparty_id=counterparty_id,
        limit=limit,
    )
    return rows_of(stores, stores.queue.page(query).entries)
