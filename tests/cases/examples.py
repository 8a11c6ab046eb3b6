"""Cases and queue rows to test with."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import timedelta
from typing import Any

from include.alerts.alert import Alert
from include.cases.case import Action, Case, Deed
from include.cases.queue import QueueEntry, QueueQuery
from tests.alerts.examples import NOON, alert

#: When an analyst has come to it.
LATER = NOON + timedelta(minutes=1)


def fresh_alert(**changes: Any) -> Alert:
    """An alert no other test has: the servers outlive a test."""
    name = f"T-{uuid.uuid4()}"
    return alert(
        1, **{"alert_id": uuid.uuid4(), "transaction_id": name, "account_id": f"account of {name}"} | changes
    )


def entry(case: Case | None = None, **changes: Any) -> QueueEntry:
    """A row of the queue about an alert of its own."""
    one = fresh_alert(**changes)
    return QueueEntry.of(one, case or Case(one.alert_id))


def deed(action: Action, **changes: Any) -> Deed:
    """An analyst does something, and says why."""
    usual = {"actor": "analyst", "at": LATER, "comment": "because", "assignee": "analyst"}
    return Deed(action, **usual | {"until": NOON + timedelta(hours=4)} | changes)


def query(**changes: Any) -> QueueQuery:
    """Everything that stands on a list, from a day before noon to a day after."""
    usual = {"since": NOON - timedelta(days=1), "until": NOON + timedelta(days=1), "worklist": None}
    return QueueQuery(**usual | changes)


def moved(row: QueueEntry, case: Case) -> QueueEntry:
    """The row after its case has changed."""
    return dataclasses.replace(
        row, version=case.version, status=case.status, assignee=case.assignee, changed_at=case.changed_at
    )
