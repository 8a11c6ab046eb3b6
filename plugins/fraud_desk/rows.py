"""Alerts as rows: in the queue and wherever alerts are listed."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from include.alerts.alert import Alert, Severity
from include.alerts.message import alert_reference
from include.cases.case import Case, Status
from include.cases.queue import QueueEntry
from plugins.fraud_desk.bank import Stores


class AlertRow(BaseModel):
    """One alert in a list.

    Attributes
    ----------
    reference
        As customers are told it.
    score
        Calibrated probability of fraud; None if no model took part.
    repeats
        How many later alerts of the account were joined to this one.
    leader_id
        The alert this one was joined to.
    version
        Of the case: whoever acts on the alert says which one they have seen.
    """

    model_config = ConfigDict(frozen=True)

    alert_id: uuid.UUID
    reference: str
    transaction_id: str
    raised_at: datetime
    severity: Severity
    typology: str
    score: float | None
    amount: Decimal
    currency: str
    account_id: str
    counterparty_id: str
    status: Status
    assignee: str | None
    version: int
    changed_at: datetime
    repeats: int
    leader_id: uuid.UUID | None

    @classmethod
    def of(cls, entry: QueueEntry, repeats: int = 0) -> AlertRow:
        """The row of an entry of the queue."""
        return cls(
            alert_id=entry.alert_id,
            reference=alert_reference(entry.alert_id),
            transaction_id=entry.transaction_id,
            raised_at=entry.raised_at,
            severity=entry.severity,
            typology=entry.typology,
            score=None if math.isnan(entry.score) else entry.score,
            amount=entry.amount,
            currency=entry.currency,
            account_id=entry.account_id,
            counterparty_id=entry.counterparty_id,
            status=entry.status,
            assignee=entry.assignee,
            version=entry.version,
            changed_at=entry.changed_at,
            repeats=repeats,
            leader_id=entry.leader_id,
        )


def rows_of(stores: Stores, entries: Sequence[QueueEntry]) -> tuple[AlertRow, ...]:
    """Rows with the number of their repeats, which one question answers for all of them."""
    if not entries:
        return ()
    repeats = stores.handlings.repeats([entry.alert_id for entry in entries])
    return tuple(AlertRow.of(entry, len(repeats.get(entry.alert_id, ()))) for entry in entries)


def rows_of_alerts(stores: Stores, alerts: Iterable[Alert]) -> tuple[AlertRow, ...]:
    """Rows of alerts as their cases stand now, in their order."""
    known = list(alerts)
    if not known:
        return ()
    cases: dict[uuid.UUID, Case] = stores.casework.current([alert.alert_id for alert in known])
    return rows_of(stores, [QueueEntry.of(alert, cases[alert.alert_id]) for alert in known])
