"""The sweep of cases: alerts nobody took in time, snoozes that are over, actions that were left half done."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from include.alerts.alert import Alert, Severity
from include.cases.case import Action, Case, Deed, Status, Worklist
from include.cases.casework import Casework
from include.cases.errors import CasesError
from include.cases.paging import every_page
from include.cases.queue import Ordering, QueueQuery

log = logging.getLogger(__name__)

#: Who escalates and wakes, in the history.
DEADLINE = "deadline"
_AT_A_TIME = 500
#: Cases may be snoozed again and again, and given back after months.
_LONG_DAYS = 400

#: Enqueues what tells of alerts that were not taken in time; several times the same is one.
TellOf = Callable[[Sequence[Alert]], object]


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did."""

    escalated: int
    woken: int
    finished: int
    failed: int  # left half done, still


def sweep(
    casework: Casework, deadlines: Mapping[Severity, timedelta], tell_of: TellOf, now: datetime
) -> Swept:
    """Do what is due.

    Idempotent: an escalated or woken case is not due again; whoever is told of an escalation is told under an
    id derived from the alert, and before the case says that it is escalated.
    """
    escalated = sum(_escalate(casework, one, after, tell_of, now) for one, after in deadlines.items())
    return Swept(escalated, _wake(casework, now), *casework.finish_abandoned(now))


def _escalate(
    casework: Casework, severity: Severity, after: timedelta, tell_of: TellOf, now: datetime
) -> int:
    query = QueueQuery(
        since=now - timedelta(days=_LONG_DAYS),
        until=now - after,
        ordering=Ordering.NEWEST,
        status=Status.OPEN,
        severity=severity,
        limit=_AT_A_TIME,
    )
    minutes = round(after.total_seconds() / 60)
    deed = Deed(Action.ESCALATE, DEADLINE, now, f"nobody took it within {minutes} minutes")
    count = 0
    for page in list(every_page(casework.queue, query)):  # all, before any of them is changed
        # One that somebody had and gave back waits anew from then on.
        late = {entry.alert_id: entry.version for entry in page if entry.changed_at <= now - after}
        if late:
            tell_of(list(casework.alerts.get_many(list(late)).values()))
            count += _done(casework.act_on_all(late, deed))
    return count


def _wake(casework: Casework, now: datetime) -> int:
    query = QueueQuery(
        since=now - timedelta(days=_LONG_DAYS),
        until=now,
        ordering=Ordering.NEWEST,
        worklist=Worklist.ASIDE,
        status=Status.SNOOZED,
        limit=_AT_A_TIME,
    )
    deed, count = Deed(Action.WAKE, DEADLINE, now, "the snooze is over"), 0
    for page in list(every_page(casework.queue, query)):
        cases = casework.current([entry.alert_id for entry in page])
        over = {
            one: case.version
            for one, case in cases.items()
            if case.status is Status.SNOOZED and case.snoozed_until is not None and case.snoozed_until <= now
        }
        count += _done(casework.act_on_all(over, deed)) if over else 0
    return count


def _done(outcomes: Mapping[uuid.UUID, Case | CasesError]) -> int:
    for alert_id, outcome in outcomes.items():
        if isinstance(outcome, CasesError):  # somebody was faster: then it is not due any more
            log.info("alert %s is left alone: %s", alert_id, outcome)
    return sum(isinstance(outcome, Case) for outcome in outcomes.values())
