"""The case of an alert, and the events it is the sum of."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """Where a case stands."""

    OPEN = "OPEN"  # nobody has it
    IN_REVIEW = "IN_REVIEW"  # somebody works on it
    ESCALATED = "ESCALATED"  # over its deadline, or handed up
    SNOOZED = "SNOOZED"  # left alone until a time
    JOINED = "JOINED"  # a repetition, worked on with the alert that leads it
    SUPPRESSED = "SUPPRESSED"  # nobody was told, because somebody asked for that
    CONFIRMED = "CONFIRMED"  # fraud
    DISMISSED = "DISMISSED"  # not fraud

    @property
    def worklist(self) -> Worklist:
        """The list it stands on."""
        if self in (Status.OPEN, Status.IN_REVIEW, Status.ESCALATED):
            return Worklist.OPEN
        if self in (Status.CONFIRMED, Status.DISMISSED):
            return Worklist.CLOSED
        return Worklist.ASIDE


class Worklist(StrEnum):
    """What a queue is filtered by first."""

    OPEN = "OPEN"  # waits for somebody
    ASIDE = "ASIDE"  # snoozed, joined or suppressed
    CLOSED = "CLOSED"  # decided


class Action(StrEnum):
    """What can be done to a case."""

    ASSIGN = "assign"
    RELEASE = "release"
    COMMENT = "comment"
    CONFIRM_FRAUD = "confirm_fraud"
    DISMISS = "dismiss"
    SNOOZE = "snooze"
    WAKE = "wake"  # a snooze that is over
    ESCALATE = "escalate"
    REOPEN = "reopen"
    ANSWER_FRAUD = "customer_denies"  # the customer says: not me
    ANSWER_GENUINE = "customer_confirms"  # the customer says: it was me


@dataclass(frozen=True, slots=True)
class Deed:
    """One action somebody takes.

    Attributes
    ----------
    actor
        The user's name; ``customer`` or the name of a task otherwise.
    at
        UTC.
    comment
        Free text; some actions need one.
    assignee
        Of ``assign``: who is to work on it.
    until
        Of ``snooze``: when the case comes back, UTC.
    """

    action: Action
    actor: str
    at: datetime
    comment: str = ""
    assignee: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What has been done about an alert so far.

    Attributes
    ----------
    version
        Number of its last event; 0 before the first.
    leader_id
        Of a joined case: the alert it is worked on with.
    suppression_id
        Of a suppressed case: why nobody was told.
    """

    alert_id: uuid.UUID
    version: int = 0
    status: Status = Status.OPEN
    assignee: str | None = None
    snoozed_until: datetime | None = None
    changed_at: datetime | None = None
    changed_by: str | None = None
    leader_id: uuid.UUID | None = None
    suppression_id: uuid.UUID | None = None

    @property
    def is_fraud(self) -> bool | None:
        """The disposition; None while there is none."""
        return {Status.CONFIRMED: True, Status.DISMISSED: False}.get(self.status)


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """One action, and what the case became by it."""

    deed: Deed
    case: Case  # afterwards; ``case.version`` is the event's number

    @property
    def alert_id(self) -> uuid.UUID:
        """Whose case."""
        return self.case.alert_id
