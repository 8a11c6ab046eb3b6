"""What the overview shows, looked at once for everybody: many open browsers cost the stores no more than one.

Cheap parts are looked at every few seconds, the counts of all alerts twice a minute. Alerts never change, so the
latency of each is worked out once.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Lock
from typing import Generic, TypeVar

import numpy as np

from include.alerts.alert import Severity
from include.cases.case import Status, Worklist
from include.cases.paging import every_page
from include.cases.queue import Ordering, QueueEntry, QueueQuery, usual_span
from include.governance.incidents import Incident, recent_incidents
from plugins.fraud_desk.bank import Bank, Stores
from plugins.fraud_desk.flow import Flow, FlowWatch

FRESH_SECONDS = 3.0
COUNTED_SECONDS = 30.0
LATENCY_MINUTES = 15
RATE_MINUTES = 60
#: Newest alerts a look goes through, and how many at a time; more than these in an hour make the chart begin later.
MOST_ALERTS, _PIECE = 5_000, 500
#: So long an incident that is over is still shown.
RECENT_INCIDENTS = timedelta(hours=24)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Newest:
    """The alerts of the last hour.

    Attributes
    ----------
    per_minute
        Start of each minute and how many alerts were raised in it, oldest first; minutes of which not all alerts
        were looked at are left out.
    p50, p95
        Seconds from the broker to the decision to raise the alert, before anybody is told,
        of the last ``LATENCY_MINUTES``; None without alerts.
    """

    per_minute: tuple[tuple[datetime, int], ...]
    p50: float | None
    p95: float | None
    measured: int


@dataclass(frozen=True, slots=True)
class Counted:
    """All alerts of the queue's usual time."""

    open_by_severity: dict[Severity, int]
    amount_open: Decimal  # whatever the currency
    unassigned: int  # of these, whatever their status
    escalated: int
    oldest_unassigned: QueueEntry | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Look:
    """Everything at once."""

    flow: Flow
    newest: Newest
    counted: Counted
    incidents: tuple[Incident, ...]
    at: datetime


class _Remembered(Generic[T]):
    """A value that is worked out anew when it is old; meanwhile others get the one there is."""

    def __init__(self, make: Callable[[], T], seconds: float) -> None:
        self._make, self._seconds = make, seconds
        self._lock = Lock()
        self._value: T | None = None
        self._made_at = float("-inf")

    def get(self) -> T:
        value = self._value
        if value is not None and time.monotonic() - self._made_at < self._seconds:
            return value
        if not self._lock.acquire(blocking=value is None):
            assert value is not None  # noqa: S101 (else it would have waited)
            return value
        try:
            if self._value is None or time.monotonic() - self._made_at >= self._seconds:
                self._value = self._make()
                self._made_at = time.monotonic()
            return self._value
        finally:
            self._lock.release()


class Watch:
    """Looks at a bank for every overview of a process."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self._flow: FlowWatch | None = None
        self._latencies: dict[uuid.UUID, float] = {}
        self._counted = _Remembered(self._count, COUNTED_SECONDS)
        self._look = _Remembered(self._make, FRESH_SECONDS)

    def look(self) -> Look:
        """How things are, a few seconds old at most.

        Raises
        ------
        StoreUnavailable, SchemaMissing
            See ``Bank.stores``.
        """
        self._bank.stores()
        return self._look.get()

    def counted(self) -> Counted:
        """All open alerts, half a minute old at most; errors as ``look`` has them."""
        self._bank.stores()
        return self._counted.get()

    def _make(self) -> Look:
        stores, now = self._bank.stores(), datetime.now(UTC)
        if self._flow is None:
            self._flow = FlowWatch(self._bank.lake)
        return Look(
            flow=self._flow.look(self._bank.end_offsets(), now),
            newest=self._newest(stores, now),
            counted=self._counted.get(),
            incidents=recent_incidents(self._bank.lake, now - RECENT_INCIDENTS),
            at=now,
        )

    def _newest(self, stores: Stores, now: datetime) -> Newest:
        minute = now.replace(second=0, microsecond=0)
        since = minute - timedelta(minutes=RATE_MINUTES - 1)
        entries, whole = _newest_entries(stores, since, now + timedelta(minutes=5))
        per_minute = Counter(entry.raised_at.replace(second=0, microsecond=0) for entry in entries)
        minutes = [since + timedelta(minutes=place) for place in range(RATE_MINUTES)]
        if not whole:  # the oldest minute that was read may lack some of its alerts
            minutes = [at for at in minutes if at > entries[-1].raised_at] or [minute]
        taken = self._latencies_of(stores, entries, now - timedelta(minutes=LATENCY_MINUTES))
        p50, p95 = (float(value) for value in np.percentile(taken, (50, 95))) if taken else (None, None)
        return Newest(tuple((at, per_minute[at]) for at in minutes), p50, p95, len(taken))

    def _latencies_of(self, stores: Stores, entries: Sequence[QueueEntry], since: datetime) -> list[float]:
        wanted = [entry.alert_id for entry in entries if entry.raised_at >= since]
        fresh = [one for one in wanted if one not in self._latencies]
        found = {
            one: (alert.raised_at - alert.arrived_at).total_seconds()
            for one, alert in (stores.alerts.get_many(fresh) if fresh else {}).items()
        }
        known = self._latencies | found
        self._latencies = {one: known[one] for one in wanted if one in known}
        return list(self._latencies.values())

    def _count(self) -> Counted:
        stores, now = self._bank.stores(), datetime.now(UTC)
        since, until = usual_span(now)
        counts = [one for one in stores.queue.counts(since, until) if one.status.worklist is Worklist.OPEN]
        return Counted(
            open_by_severity={
                severity: sum(one.count for one in counts if one.severity is severity)
                for severity in reversed(Severity)
            },
            amount_open=sum((one.amount for one in counts), Decimal()),
            unassigned=sum(one.unassigned for one in counts),
            escalated=sum(one.count for one in counts if one.status is Status.ESCALATED),
            oldest_unassigned=oldest_unassigned(stores, since, until),
            at=now,
        )


def _newest_entries(stores: Stores, since: datetime, until: datetime) -> tuple[list[QueueEntry], bool]:
    """Alerts, the newest first, ``MOST_ALERTS`` at most; and whether these are all."""
    found: list[QueueEntry] = []
    for page in every_page(stores.queue, _everything(since, until, min(_PIECE, MOST_ALERTS))):
        if len(found) >= MOST_ALERTS:
            return found, False
        found += page
    return found, True


def oldest_unassigned(stores: Stores, since: datetime, until: datetime) -> QueueEntry | None:
    """The alert that has waited longest for somebody to take it; one that is escalated waits as well.

    The queue gives the newest first, so the time is halved until nothing older is found: about twenty pages of
    one row for each of both statuses.
    """
    found = [_oldest(stores, since, until, status) for status in (Status.OPEN, Status.ESCALATED)]
    return min((one for one in found if one), key=lambda one: one.raised_at, default=None)


def _oldest(stores: Stores, since: datetime, until: datetime, status: Status) -> QueueEntry | None:
    query = replace(_everything(since, until, 1), status=status, unassigned=True)
    found = stores.queue.page(query).entries
    if not found:
        return None
    oldest, empty_until = found[0], since
    while oldest.raised_at - empty_until > timedelta(seconds=1):
        middle = empty_until + (oldest.raised_at - empty_until) / 2
        cursor = replace(oldest, raised_at=middle, alert_id=uuid.UUID(int=0)).position(Ordering.NEWEST)
        older = stores.queue.page(replace(query, after=cursor)).entries
        if older:
            oldest = older[0]
        else:
            empty_until = middle
    return oldest


def _everything(since: datetime, until: datetime, limit: int) -> QueueQuery:
    return QueueQuery(since=since, until=until, ordering=Ordering.NEWEST, worklist=None, limit=limit)
