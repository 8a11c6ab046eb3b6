"""The queue: one row an alert with what a person chooses by, and the questions it can be asked.

Pages go on after the last row seen (keyset paging), so a page costs the same however deep it is, and rows
that come meanwhile shift nothing. The order of a queue is one text a row, ``position``: it sorts as the order
says and is unique, which makes the order the store's clustering and the cursor of a page one and the same.
"""

from __future__ import annotations

import math
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from include.alerts.alert import Alert, Severity
from include.cases.case import Case, Status, Worklist
from include.cases.errors import QueryRefused

#: Most rows of a page.
LONGEST_PAGE = 500
#: How far back the queue looks unless asked otherwise, and where what is open is asked for: a snooze may last a month.
USUAL_DAYS, OPEN_DAYS = 30, 100

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_AMOUNT_DIGITS = 18  # 1e12 with 4 decimals and some room
_TIME_DIGITS = 17
_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class Ordering(StrEnum):
    """In which order a queue is worked."""

    URGENCY = "urgency"  # severity, then score, then the newest
    NEWEST = "newest"
    AMOUNT = "amount"  # the largest first, whatever the currency


_POSITIONS = {
    Ordering.URGENCY: re.compile(rf"[0-9]{{{8 + _TIME_DIGITS}}}{_UUID}"),
    Ordering.NEWEST: re.compile(rf"[0-9]{{{_TIME_DIGITS}}}{_UUID}"),
    Ordering.AMOUNT: re.compile(rf"[0-9]{{{_AMOUNT_DIGITS + _TIME_DIGITS}}}{_UUID}"),
}


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """One row of the queue: the alert's facts, which never change, and the case as it stands."""

    alert_id: uuid.UUID
    transaction_id: str
    raised_at: datetime
    severity: Severity
    typology: str
    score: float  # NaN: no model took part
    amount: Decimal
    currency: str
    account_id: str
    counterparty_id: str
    customer_id: str | None
    transaction_type: str
    channel: str
    country: str
    version: int
    status: Status
    assignee: str | None
    changed_at: datetime
    leader_id: uuid.UUID | None

    @classmethod
    def of(cls, alert: Alert, case: Case) -> QueueEntry:
        """The row of an alert and its case."""
        return cls(
            alert_id=alert.alert_id,
            transaction_id=alert.transaction_id,
            raised_at=alert.raised_at,
            severity=alert.severity,
            typology=alert.typology,
            score=alert.score,
            amount=alert.amount,
            currency=alert.currency,
            account_id=alert.account_id,
            counterparty_id=alert.counterparty_id,
            customer_id=alert.customer_id,
            transaction_type=alert.transaction_type,
            channel=alert.channel,
            country=alert.country,
            version=case.version,
            status=case.status,
            assignee=case.assignee,
            changed_at=case.changed_at or alert.raised_at,
            leader_id=case.leader_id,
        )

    @property
    def worklist(self) -> Worklist:
        """The list it stands on."""
        return self.status.worklist

    def position(self, ordering: Ordering) -> str:
        """Its place in an order; the greatest comes first."""
        newest = time_place(self.raised_at)
        match ordering:
            case Ordering.URGENCY:
                score = 0.0 if math.isnan(self.score) else min(max(self.score, 0.0), 1.0)
                return f"{self.severity.rank}{round(score * 1e6):07d}{newest}{self.alert_id}"
            case Ordering.AMOUNT:
                return f"{int(self.amount * 10_000):0{_AMOUNT_DIGITS}d}{newest}{self.alert_id}"
            case Ordering.NEWEST:
                return f"{newest}{self.alert_id}"


def usual_span(now: datetime) -> tuple[datetime, datetime]:
    """The days a queue is looked at unless asked otherwise, up to what a clock ahead of ours has raised."""
    return now - timedelta(days=USUAL_DAYS), now + timedelta(minutes=5)


def time_place(moment: datetime) -> str:
    """Where a time stands in the order of the newest: what positions of that order begin with."""
    return f"{(moment - _EPOCH) // _MICROSECOND:0{_TIME_DIGITS}d}"


@dataclass(frozen=True, slots=True)
class QueueQuery:
    """A question to the queue; what is None is not asked for.

    Attributes
    ----------
    since, until
        Of ``raised_at``, UTC; until is excluded.
    unassigned
        Only what nobody has taken.
    after
        The cursor of the page before.
    limit
        Rows a page.
    """

    since: datetime
    until: datetime
    ordering: Ordering = Ordering.URGENCY
    worklist: Worklist | None = Worklist.OPEN
    status: Status | None = None
    severity: Severity | None = None
    typology: str | None = None
    assignee: str | None = None
    unassigned: bool = False
    account_id: str | None = None
    counterparty_id: str | None = None
    amount_at_least: Decimal | None = None
    after: str | None = None
    limit: int = 50

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= LONGEST_PAGE:
            raise QueryRefused(f"expected a page of 1 to {LONGEST_PAGE} rows, got {self.limit}; ask for less")
        if not self.since < self.until:
            raise QueryRefused(
                f"expected a time before {self.until.isoformat()} to begin at, got {self.since.isoformat()}"
            )

    def takes(self, entry: QueueEntry) -> bool:
        """Whether a row is an answer; the cursor aside."""
        return (
            self.since <= entry.raised_at < self.until
            and (self.worklist is None or entry.worklist is self.worklist)
            and (self.status is None or entry.status is self.status)
            and (self.severity is None or entry.severity is self.severity)
            and (self.typology is None or entry.typology == self.typology)
            and (self.assignee is None or entry.assignee == self.assignee)
            and not (self.unassigned and entry.assignee is not None)
            and (self.account_id is None or entry.account_id == self.account_id)
            and (self.counterparty_id is None or entry.counterparty_id == self.counterparty_id)
            and (self.amount_at_least is None or entry.amount >= self.amount_at_least)
        )


def checked_cursor(query: QueueQuery) -> str | None:
    """The position a page goes on after.

    Raises
    ------
    QueryRefused
        It is not one of this ordering.
    """
    if query.after is not None and not _POSITIONS[query.ordering].fullmatch(query.after):
        raise QueryRefused(
            f"expected the cursor of a page in order of {query.ordering}, got {query.after[:80]!r}; begin anew"
        )
    return query.after


@dataclass(frozen=True, slots=True)
class QueuePage:
    """Some rows, and where the next page goes on; None at the end."""

    entries: tuple[QueueEntry, ...]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class QueueCount:
    """How many alerts stand where, by status and severity; and how many of these nobody has taken."""

    status: Status
    severity: Severity
    count: int
    unassigned: int
    amount: Decimal  # summed whatever the currency: a size, not a sum of money
