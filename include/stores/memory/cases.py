"""Casework in memory: for tests and for looking at the desk without Cassandra."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from threading import Lock

from include.alerts.alert import Severity
from include.cases.case import Case, CaseEvent, Status
from include.cases.handling import Handling, Leader
from include.cases.queue import QueueCount, QueueEntry, QueuePage, QueueQuery, checked_cursor
from include.cases.suppressions import Suppression


class MemoryCaseStore:
    """Events by case; a lock makes ``append`` a compare-and-set."""

    def __init__(self) -> None:
        self._events: dict[uuid.UUID, list[CaseEvent]] = defaultdict(list)
        self._open: dict[tuple[uuid.UUID, int], CaseEvent] = {}
        self._lock = Lock()

    def cases(self, alert_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Case]:
        """Each case as its newest event left it."""
        return {one: self._events[one][-1].case for one in alert_ids if self._events.get(one)}

    def append(self, events: Sequence[CaseEvent]) -> list[bool]:
        """Add events, each if its number is free; returns which stand."""
        return [self._append(event) for event in events]

    def _append(self, event: CaseEvent) -> bool:
        with self._lock:
            events = self._events[event.alert_id]
            if event.case.version != len(events) + 1:
                return False
            self._open[event.alert_id, event.case.version] = event
            events.append(event)
            return True

    def history(self, alert_id: uuid.UUID) -> list[CaseEvent]:
        """All events of a case, oldest first."""
        return list(self._events.get(alert_id, ()))

    def finish(self, events: Sequence[CaseEvent]) -> None:
        """Note that everything derived from these events is written."""
        for event in events:
            self._open.pop((event.alert_id, event.case.version), None)

    def unfinished(self, before: datetime, limit: int = 500) -> list[CaseEvent]:
        """Events from before a time that are not finished, oldest first."""
        found = [event for event in self._open.values() if event.deed.at < before]
        return sorted(found, key=lambda event: (event.deed.at, str(event.alert_id)))[:limit]


class MemoryHandlingStore:
    """Decisions and leaders in dictionaries."""

    def __init__(self) -> None:
        self._handlings: dict[uuid.UUID, Handling] = {}
        self._leaders: dict[str, Leader] = {}

    def handlings(self, alert_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Handling]:
        """Decisions by alert."""
        return {one: self._handlings[one] for one in alert_ids if one in self._handlings}

    def leaders(self, account_ids: Sequence[str]) -> dict[str, Leader]:
        """The newest leader of each account that has one."""
        return {one: self._leaders[one] for one in account_ids if one in self._leaders}

    def decide(self, handlings: Sequence[Handling], leaders: Sequence[Leader]) -> None:
        """Keep decisions and new leaders; an older leader never replaces a newer one."""
        self._handlings |= {one.alert_id: one for one in handlings}
        for leader in leaders:
            before = self._leaders.get(leader.account_id)
            if before is None or leader.raised_at >= before.raised_at:
                self._leaders[leader.account_id] = leader

    def repeats(self, leader_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[uuid.UUID]]:
        """Alerts that were joined to each leader."""
        wanted, found = set(leader_ids), defaultdict(list)
        for one in self._handlings.values():
            if one.status is Status.JOINED and one.leader_id in wanted:
                found[one.leader_id].append(one.alert_id)
        return {leader: sorted(members) for leader, members in found.items()}


class MemoryQueueStore:
    """The queue as a list that is sorted when asked."""

    def __init__(self) -> None:
        self._entries: dict[uuid.UUID, QueueEntry] = {}

    def put(self, entries: Sequence[QueueEntry]) -> None:
        """Write rows; an older one changes nothing."""
        for entry in entries:
            before = self._entries.get(entry.alert_id)
            if before is None or entry.changed_at >= before.changed_at:
                self._entries[entry.alert_id] = entry

    def page(self, query: QueueQuery) -> QueuePage:
        """Rows that answer a question, in its order."""
        after = checked_cursor(query)
        found = sorted(
            (
                (entry.position(query.ordering), entry)
                for entry in self._entries.values()
                if query.takes(entry)
            ),
            key=lambda pair: pair[0],
            reverse=True,
        )
        rest = [pair for pair in found if after is None or pair[0] < after]
        page = rest[: query.limit]
        return QueuePage(tuple(entry for _, entry in page), page[-1][0] if len(rest) > len(page) else None)

    def counts(self, since: datetime, until: datetime) -> list[QueueCount]:
        """How many alerts stand where."""
        number: Counter[tuple[Status, Severity]] = Counter()
        alone: Counter[tuple[Status, Severity]] = Counter()
        amounts: dict[tuple[Status, Severity], Decimal] = defaultdict(Decimal)
        for entry in self._entries.values():
            if since <= entry.raised_at < until:
                number[entry.status, entry.severity] += 1
                alone[entry.status, entry.severity] += entry.assignee is None
                amounts[entry.status, entry.severity] += entry.amount
        return [QueueCount(*key, count, alone[key], amounts[key]) for key, count in sorted(number.items())]


class MemorySuppressionStore:
    """Suppressions by id."""

    def __init__(self) -> None:
        self._all: dict[uuid.UUID, Suppression] = {}

    def put(self, suppression: Suppression) -> None:
        """Add or replace one by its id."""
        self._all[suppression.suppression_id] = suppression

    def all(self) -> list[Suppression]:
        """All that are kept, the newest first."""
        return sorted(
            self._all.values(), key=lambda one: (one.created_at, str(one.suppression_id)), reverse=True
        )
