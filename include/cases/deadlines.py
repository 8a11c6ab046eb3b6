"""The sweep of cases: what nobody took in time, or somebody escalated; snoozes that are over; what is half done."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from include.alerts.alert import Alert, Severity
from include.cases.case import Action, Case, CaseEvent, Deed, Status, Worklist
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

#: So long after a person, or the customer, has escalated a case it is seen to it that somebody is told.
_TOLD_WITHIN = timedelta(days=1)
_BY_PEOPLE = frozenset({Action.ESCALATE, Action.ANSWER_FRAUD})


@dataclass(frozen=True, slots=True)
class Escalated:
    """An alert to be told of once more, and to those who are told of escalations."""

    alert: Alert
    version: int  # of the case: the one nobody took, or the one that somebody escalated
    at: datetime  # since when it is due


#: Enqueues what tells of escalations; several times the same is one.
TellOf = Callable[[Sequence[Escalated]], object]


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
    id derived from the alert and the case's version, and before the case says that its time is over.
    """
    escalated = sum(_escalate(casework, one, after, tell_of, now) for one, after in deadlines.items())
    _tell_of_escalated(casework, tell_of, now)
    return Swept(escalated, _wake(casework, now), *casework.finish_abandoned(now))


def _escalate(
    casework: Casework, severity: Severity, after: timedelta, tell_of: TellOf, now: datetime
) -> int:
    query = _long_query(now - after, now, status=Status.OPEN, severity=severity)
    minutes = round(after.total_seconds() / 60)
    deed = Deed(Action.ESCALATE, DEADLINE, now, f"nobody took it within {minutes} minutes")
    count = 0
    for page in list(every_page(casework.queue, query)):  # all, before any of them is changed
        # One that somebody had and gave back waits anew from then on.
        late = {entry.alert_id: entry.version for entry in page if entry.changed_at <= now - after}
        if late:
            alerts = casework.alerts.get_many(list(late))
            since = {entry.alert_id: entry.changed_at for entry in page}
            tell_of([Escalated(one, late[key], since[key] + after) for key, one in alerts.items()])
            count += _done(casework.act_on_all(late, deed))
    return count


def _tell_of_escalated(casework: Casework, tell_of: TellOf, now: datetime) -> None:
    """See to it that what people escalated is told of: an analyst's doubt, a customer's "this was not me"."""
    query = _long_query(now, now, status=Status.ESCALATED)
    for page in every_page(casework.queue, query):
        lately = [entry.alert_id for entry in page if entry.changed_at > now - _TOLD_WITHIN]
        cases = casework.current(lately) if lately else {}
        told = {
            one: event
            for one, case in cases.items()
            # What a deadline did last was told of by the deadline; no history need be read for it.
            if case.status is Status.ESCALATED
            and case.changed_by != DEADLINE
            and (event := _escalation(casework, one)) is not None
        }
        alerts = casework.alerts.get_many(list(told)) if told else {}
        if alerts:
            tell_of(
                [Escalated(one, told[key].case.version, told[key].deed.at) for key, one in alerts.items()]
            )


def _escalation(casework: Casework, alert_id: uuid.UUID) -> CaseEvent | None:
    """The newest event by which a person escalated the case; None if its deadline did."""
    events = (one for one in reversed(casework.cases.history(alert_id)) if one.deed.action in _BY_PEOPLE)
    event = next(events, None)
    return None if event is None or event.deed.actor == DEADLINE else event


def _wake(casework: Casework, now: datetime) -> int:
    query = _long_query(now, now, worklist=Worklist.ASIDE, status=Status.SNOOZED)
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


def _long_query(until: datetime, now: datetime, **wanted: Any) -> QueueQuery:
    """Of everything a sweep may still find; ``wanted`` as fields of ``QueueQuery``."""
    since = now - timedelta(days=_LONG_DAYS)
    return QueueQuery(since=since, until=until, ordering=Ordering.NEWEST, limit=_AT_A_TIME, **wanted)


def _done(outcomes: Mapping[uuid.UUID, Case | CasesError]) -> int:
    for alert_id, outcome in outcomes.items():
        if isinstance(outcome, CasesError):  # somebody was faster: then it is not due any more
            log.info("alert %s is left alone: %s", alert_id, outcome)
    return sum(isinstance(outcome, Case) for outcome in outcomes.values())
