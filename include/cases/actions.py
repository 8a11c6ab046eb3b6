"""What may be done to a case, and what it becomes: pure, so that everything else can rely on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from include.cases.case import Action, Case, CaseEvent, Deed, Status, Worklist
from include.cases.errors import ActionRefused

#: Longest text of a comment, in characters.
LONGEST_COMMENT = 4_000
#: Longest a case may be left alone.
LONGEST_SNOOZE = timedelta(days=30)

_NEEDS_COMMENT = frozenset({Action.COMMENT, Action.DISMISS, Action.ESCALATE, Action.REOPEN, Action.SNOOZE})
_DECIDES = {Action.CONFIRM_FRAUD: Status.CONFIRMED, Action.DISMISS: Status.DISMISSED}
_MOMENT = timedelta(microseconds=1)


def apply(case: Case, deed: Deed) -> CaseEvent:
    """The event that ``deed`` makes of ``case``.

    The event's time is after that of the event before it, whatever the clocks say: rows derived from events
    are ordered by it.

    Raises
    ------
    ActionRefused
        The action does not fit the case, or lacks something.
    """
    _check(case, deed)
    at = deed.at if case.changed_at is None else max(deed.at, case.changed_at + _MOMENT)
    after = replace(_after(case, deed), version=case.version + 1, changed_at=at, changed_by=deed.actor)
    return CaseEvent(replace(deed, at=at), after)


def _after(case: Case, deed: Deed) -> Case:
    match deed.action:
        case Action.ASSIGN:
            return replace(case, status=Status.IN_REVIEW, assignee=deed.assignee, snoozed_until=None)
        case Action.RELEASE:
            return replace(case, status=Status.OPEN, assignee=None)
        case Action.SNOOZE:
            return replace(case, status=Status.SNOOZED, snoozed_until=deed.until)
        case Action.WAKE:
            return replace(
                case, status=Status.IN_REVIEW if case.assignee else Status.OPEN, snoozed_until=None
            )
        case Action.ESCALATE:
            return replace(case, status=Status.ESCALATED, snoozed_until=None)
        case Action.ANSWER_FRAUD if case.status is not Status.CONFIRMED:
            return replace(case, status=Status.ESCALATED, snoozed_until=None)  # a dismissed one as well
        case Action.ANSWER_GENUINE if case.is_fraud is None:
            return replace(case, status=Status.DISMISSED, snoozed_until=None)
        case Action.REOPEN:
            return replace(
                case, status=Status.IN_REVIEW if case.assignee else Status.OPEN, snoozed_until=None
            )
        case Action.CONFIRM_FRAUD | Action.DISMISS:
            decided_by = case.assignee or deed.actor
            return replace(case, status=_DECIDES[deed.action], assignee=decided_by, snoozed_until=None)
        case _:
            return case


def _check(case: Case, deed: Deed) -> None:
    words = deed.action.replace("_", " ")
    if deed.action in _NEEDS_COMMENT and not deed.comment.strip():
        raise ActionRefused(f"expected a comment that says why, to {words} the alert; write one")
    if len(deed.comment) > LONGEST_COMMENT:
        raise ActionRefused(
            f"expected a comment of at most {LONGEST_COMMENT} characters, got {len(deed.comment)}; shorten it"
        )
    if deed.action is Action.ASSIGN and not deed.assignee:
        raise ActionRefused("expected somebody to assign the alert to, got nobody; name a user")
    if deed.action is Action.SNOOZE:
        check_end(deed.until, deed.at)
    if deed.action not in _fits(case):
        raise ActionRefused(
            f"expected a case that one can {words}, this one is {case.status}; look at it again"
        )


def check_end(until: datetime | None, now: datetime) -> None:
    """Refuse an end of a snooze that is missing, past or too far away.

    Raises
    ------
    ActionRefused
        With what was expected.
    """
    if until is None or until.tzinfo is None or not now < until <= now + LONGEST_SNOOZE:
        raise ActionRefused(
            f"expected an end within the next {LONGEST_SNOOZE.days} days, got "
            f"{until.isoformat() if until else 'none'}; choose another"
        )


def _fits(case: Case) -> frozenset[Action]:
    """Actions that make sense as the case stands. A comment always does; an answer comes when it comes."""
    always = {Action.COMMENT, Action.ANSWER_FRAUD, Action.ANSWER_GENUINE}
    if case.status.worklist is Worklist.CLOSED:
        return frozenset(always | {Action.REOPEN})
    more = {Action.ASSIGN, Action.CONFIRM_FRAUD, Action.DISMISS, Action.SNOOZE, Action.ESCALATE}
    if case.status in (Status.IN_REVIEW, Status.ESCALATED):
        more |= {Action.RELEASE}
    if case.status is Status.ESCALATED:
        more -= {Action.ESCALATE}
    if case.status is Status.SNOOZED:
        more |= {Action.WAKE}
    if case.status in (Status.JOINED, Status.SUPPRESSED):
        more |= {Action.REOPEN}
    return frozenset(always | more)


def possible(case: Case) -> tuple[Action, ...]:
    """Actions a person may take now, in the order of ``Action``."""
    own = {Action.WAKE, Action.ANSWER_FRAUD, Action.ANSWER_GENUINE}
    return tuple(action for action in Action if action in _fits(case) - own)
