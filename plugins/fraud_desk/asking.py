"""The state of the queue page as it stands in its address, and the question it is to the store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, Self, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Request

from include.alerts.alert import Severity
from include.cases.case import Status, Worklist
from include.cases.errors import QueryRefused
from include.cases.queue import OPEN_DAYS, USUAL_DAYS, Ordering, QueueQuery
from plugins.fraud_desk.access import Viewer

#: In the address: every list there is.
EVERYTHING = "ALL"
#: In the address: whoever looks.
ME = "me"
#: In the address: alerts that have no assignee.
NOBODY = "nobody"
PAGE = 50

_LONGEST = 128
_FARTHEST = timedelta(days=400)
#: Days that can be asked for: what is reckoned from them stays a time.
_FIRST, _LAST = date(1970, 1, 1), date(2999, 12, 31)
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for; empty texts ask for nothing.

    Attributes
    ----------
    since, until
        Days, UTC, both included.
    """

    worklist: Worklist | None = Worklist.OPEN
    sort: Ordering = Ordering.URGENCY
    status: Status | None = None
    severity: Severity | None = None
    typology: str = ""
    assignee: str = ""
    account: str = ""
    counterparty: str = ""
    amount: Decimal | None = None
    since: date | None = None
    until: date | None = None
    after: str = ""

    @classmethod
    def of(cls, request: Request) -> Self:
        """What the address of a request asks for.

        Raises
        ------
        QueryRefused
            A value that none of the filters knows.
        """
        given = {name: value.strip() for name, value in request.query_params.items() if value.strip()}
        for name, value in given.items():
            if len(value) > _LONGEST:
                raise QueryRefused(f"expected at most {_LONGEST} characters for {name}; shorten it")
        status = _choice(Status, given.get("status"), "status")
        worklist: Worklist | None = status.worklist if status else Worklist.OPEN
        if given.get("list") == EVERYTHING:
            worklist = None
        elif "list" in given and status is None:
            worklist = _choice(Worklist, given["list"], "list")
        return cls(
            worklist=worklist,
            sort=_choice(Ordering, given.get("sort"), "sort") or Ordering.URGENCY,
            status=status,
            severity=_choice(Severity, given.get("severity"), "severity"),
            typology=given.get("typology", ""),
            assignee=given.get("assignee", ""),
            account=given.get("account", ""),
            counterparty=given.get("counterparty", ""),
            amount=_amount(given.get("amount")),
            since=_day(given.get("since"), "since"),
            until=_day(given.get("until"), "until"),
            after=given.get("after", ""),
        )

    @property
    def days(self) -> int:
        """How far back it looks unless it says since when."""
        return OPEN_DAYS if self.worklist is Worklist.OPEN else USUAL_DAYS

    def query(self, me: str, now: datetime, limit: int = PAGE) -> QueueQuery:
        """The question to the store.

        Raises
        ------
        QueryRefused
            An empty or overlong time, or a cursor that is none.
        """
        until = _end_of(self.until) if self.until else now + timedelta(minutes=5)  # clocks differ
        since = _start_of(self.since) if self.since else min(until, now) - timedelta(days=self.days)
        if until - since > _FARTHEST:
            raise QueryRefused(
                f"expected at most {_FARTHEST.days} days, got {(until - since).days}; ask for less"
            )
        return QueueQuery(
            since=since,
            until=until,
            ordering=self.sort,
            worklist=self.worklist,
            status=self.status,
            severity=self.severity,
            typology=self.typology or None,
            assignee=me
            if self.assignee == ME
            else None
            if self.assignee == NOBODY
            else self.assignee or None,
            unassigned=self.assignee == NOBODY,
            account_id=self.account or None,
            counterparty_id=self.counterparty or None,
            amount_at_least=self.amount,
            after=self.after or None,
            limit=limit,
        )

    def address(self, **changes: object) -> str:
        """The query part of the address of the same question with some changes; what is usual is left out."""
        one = replace(self, **changes)  # type: ignore[arg-type]
        parts = {
            "list": _list_of(one),
            "sort": "" if one.sort is Ordering.URGENCY else one.sort,
            "status": one.status or "",
            "severity": one.severity or "",
            "typology": one.typology,
            "assignee": one.assignee,
            "account": one.account,
            "counterparty": one.counterparty,
            "amount": "" if one.amount is None else str(one.amount),
            "since": one.since or "",
            "until": one.until or "",
            "after": one.after,
        }
        text = urlencode({name: value for name, value in parts.items() if value})
        return f"?{text}" if text else ""

    @property
    def filters(self) -> int:
        """How many filters are set beside the list."""
        return sum(
            bool(value)
            for value in (
                self.status, self.severity, self.typology, self.assignee, self.account, self.counterparty,
                self.amount is not None, self.since, self.until,
            )
        )  # fmt: skip


def _asked(request: Request, _: Viewer) -> Asked:
    return Asked.of(request)


#: Parameter of routes: what their address asks for.
AskedDep = Annotated[Asked, Depends(_asked)]


def _list_of(one: Asked) -> str:
    if one.worklist is None:
        return EVERYTHING
    usual = one.status.worklist if one.status else Worklist.OPEN
    return "" if one.worklist is usual else one.worklist


def _choice(kind: type[E], value: str | None, name: str) -> E | None:
    if value is None:
        return None
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(kind)
        raise QueryRefused(f"expected {name} to be one of {known}, got {value[:40]!r}; choose one") from None


def _amount(value: str | None) -> Decimal | None:
    if value is None:
        return None
    try:
        amount = Decimal(value.replace(",", ""))
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or not 0 <= amount < Decimal(10) ** 12:
        raise QueryRefused(f"expected an amount of zero or more, got {value[:40]!r}; write it as 1234.50")
    return amount


def _day(value: str | None, name: str) -> date | None:
    if value is None:
        return None
    try:
        day = date.fromisoformat(value)
    except ValueError:
        day = None  # type: ignore[assignment]
    if day is None or not _FIRST <= day <= _LAST:
        raise QueryRefused(
            f"expected {name} as a day like 2026-01-31, of {_FIRST} to {_LAST}, got {value[:40]!r}; correct it"
        )
    return day


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _end_of(day: date) -> datetime:
    return _start_of(day) + timedelta(days=1)
