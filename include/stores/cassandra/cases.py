"""Casework on Cassandra: events with compare-and-set, and decisions about new alerts.

An event that may not be finished is found by a row of ``case_events_open``, written *before* the event: a row
without an event is one whose writer died or lost, and is taken off by the reader once it is old.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from cassandra import ConsistencyLevel
from cassandra.cluster import Session

from include.alerts.alert import Severity
from include.cases.case import Action, Case, CaseEvent, Deed, Status
from include.cases.handling import Handling, Leader
from include.stores.cassandra.clock import join, microseconds, split
from include.stores.cassandra.durability import wait_until_durable
from include.stores.cassandra.errors import StoreUnavailable
from include.stores.cassandra.lookups import by_text_keys, by_uuid_keys
from include.stores.cassandra.statements import attempt_many, execute, execute_many, insert_into, prepare

_SLOT = 0
#: Writes under way at a time.
IN_FLIGHT = 32
_COLUMNS = (
    "alert_id", "number", "action", "actor", "at", "at_us", "comment", "assign_to", "until", "status", "assignee",
    "snoozed_until", "leader_id", "suppression_id",
)  # fmt: skip
_LISTED = ", ".join(_COLUMNS)
_INSERT = f"INSERT INTO case_events ({_LISTED}) VALUES ({', '.join('?' for _ in _COLUMNS)}) IF NOT EXISTS"  # noqa: S608 (constants)
_NEWEST = f"SELECT {_LISTED} FROM case_events WHERE alert_id IN ? PER PARTITION LIMIT 1"  # noqa: S608
_HISTORY = f"SELECT {_LISTED} FROM case_events WHERE alert_id = ?"  # noqa: S608
_ONE = f"SELECT {_LISTED} FROM case_events WHERE alert_id = ? AND number = ?"  # noqa: S608
_PLACE = ("slot", "at", "alert_id", "number", "at_us", "actor")
_OPEN = f"SELECT {', '.join(_PLACE)} FROM case_events_open WHERE slot = ? AND at < ? LIMIT ?"  # noqa: S608
_CLOSE = f"DELETE FROM case_events_open WHERE {' AND '.join(f'{name} = ?' for name in _PLACE)}"  # noqa: S608


class CassandraCaseStore:
    """``CaseStore`` on ``case_events`` and ``case_events_open``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def cases(self, alert_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Case]:
        """Each case as its newest event left it; those nothing was done about are left out."""
        keys = list(dict.fromkeys(alert_ids))
        rows = by_uuid_keys(self._session, _NEWEST, keys, doing="reading cases")
        return {event.alert_id: event.case for event in map(_event, rows)}

    def append(self, events: Sequence[CaseEvent]) -> list[bool]:
        """Add events as unfinished, each if nobody has taken its number; returns which stand.

        Once this returns, those that stand survive a kill of the node. A compare-and-set whose answer did not
        come may have been applied: it is read back.

        Raises
        ------
        StoreUnavailable
            It is not known which of them stand; the sweep finishes those that do.
        """
        places = [_place(one) for one in events]
        opened = insert_into(self._session, "case_events_open", _PLACE)
        execute_many(self._session, [(opened, place) for place in places], "opening events")
        statement = prepare(self._session, _INSERT, idempotent=False)
        answers = attempt_many(self._session, [(statement, _row(one)) for one in events], "adding events")
        stand = [
            self._stands(event) if isinstance(answer, StoreUnavailable) else bool(answer[0][0])
            for event, answer in zip(events, answers, strict=True)
        ]
        close = prepare(self._session, _CLOSE)
        lost = [(close, place) for place, stands in zip(places, stand, strict=True) if not stands]
        execute_many(self._session, lost, "closing events that lost")
        wait_until_durable(self._session)
        return stand

    def history(self, alert_id: uuid.UUID) -> list[CaseEvent]:
        """All events of a case, oldest first."""
        rows = execute(self._session, prepare(self._session, _HISTORY), (alert_id,), "reading a history")
        return [_event(row) for row in reversed(rows)]

    def finish(self, events: Sequence[CaseEvent]) -> None:
        """Note that everything derived from these events is written; again changes nothing."""
        statement = prepare(self._session, _CLOSE)
        execute_many(self._session, [(statement, _place(one)) for one in events], "closing events")

    def unfinished(self, before: datetime, limit: int = 500) -> list[CaseEvent]:
        """Events from before a time that are not finished, oldest first."""
        rows = execute(
            self._session,
            prepare(self._session, _OPEN),
            (_SLOT, split(before)[0], limit),
            "reading open events",
        )
        one = prepare(self._session, _ONE)
        calls = [(one, (alert_id, number)) for _, _, alert_id, number, *_ in rows]
        events = [
            _event(r[0]) if r else None for r in execute_many(self._session, calls, "reading open events")
        ]
        pairs = [(tuple(row), event) for row, event in zip(rows, events, strict=True)]
        # Its writer died before the event, or lost against somebody else's.
        orphans = [row for row, event in pairs if event is None or row != _place(event)]
        close = prepare(self._session, _CLOSE)
        execute_many(self._session, [(close, row) for row in orphans], "closing what never was")
        return [event for row, event in pairs if event is not None and row == _place(event)]

    def _stands(self, event: CaseEvent) -> bool:
        statement = prepare(self._session, _ONE)
        bound = statement.bind((event.alert_id, event.case.version))
        bound.consistency_level = ConsistencyLevel.SERIAL  # finishes a compare-and-set that is under way
        rows = execute(self._session, bound, doing="reading an event back")
        return bool(rows) and _event(rows[0]) == _event(_row(event))


def _place(event: CaseEvent) -> tuple[Any, ...]:
    """Its row in ``case_events_open``; the driver hands out naive times."""
    at, below = split(event.deed.at)
    return (_SLOT, at.replace(tzinfo=None), event.alert_id, event.case.version, below, event.deed.actor)


def _row(event: CaseEvent) -> tuple[Any, ...]:
    deed, case = event.deed, event.case
    return (
        case.alert_id, case.version, deed.action.value, deed.actor, *split(deed.at), deed.comment, deed.assignee,
        _milliseconds(deed.until), case.status.value, case.assignee, _milliseconds(case.snoozed_until), case.leader_id,
        case.suppression_id,
    )  # fmt: skip


def _event(row: Sequence[Any]) -> CaseEvent:
    (alert_id, number, action, actor, at, below, comment, assign_to, until, status, assignee, snoozed_until,
     leader_id, suppression_id) = row  # fmt: skip
    moment = join(at, below)
    deed = Deed(Action(action), actor, moment, comment or "", assign_to, _aware(until))
    case = Case(
        alert_id,
        number,
        Status(status),
        assignee,
        _aware(snoozed_until),
        moment,
        actor,
        leader_id,
        suppression_id,
    )
    return CaseEvent(deed, case)


def _milliseconds(moment: datetime | None) -> datetime | None:
    return None if moment is None else split(moment)[0]


def _aware(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


_HANDLING = ("alert_id", "account_id", "leader_id", "suppression_id")
_LEADER = ("account_id", "alert_id", "severity", "raised_at", "raised_at_us")
_LEAD = f"INSERT INTO alert_leaders ({', '.join(_LEADER)}) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?"  # noqa: S608


def _leader_row(one: Leader) -> tuple[Any, ...]:
    at = one.raised_at
    return (one.account_id, one.alert_id, one.severity.value, *split(at), microseconds(at))


class CassandraHandlingStore:
    """``HandlingStore`` on ``alert_handling``, ``alert_leaders`` and ``alert_repeats``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def handlings(self, alert_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Handling]:
        """Decisions by alert; those not decided yet are left out."""
        cql = f"SELECT {', '.join(_HANDLING)} FROM alert_handling WHERE alert_id IN ?"  # noqa: S608 (constants)
        keys = list(dict.fromkeys(alert_ids))
        rows = by_uuid_keys(self._session, cql, keys, doing="reading what became of alerts")
        return {row[0]: Handling(*row) for row in rows}

    def leaders(self, account_ids: Sequence[str]) -> dict[str, Leader]:
        """The newest leader of each account that has one."""
        cql = f"SELECT {', '.join(_LEADER)} FROM alert_leaders WHERE account_id IN ?"  # noqa: S608 (constants)
        keys = list(dict.fromkeys(account_ids))
        rows = by_text_keys(self._session, cql, keys, doing="reading leading alerts")
        return {row[0]: Leader(row[0], row[1], Severity(row[2]), join(row[3], row[4])) for row in rows}

    def decide(self, handlings: Sequence[Handling], leaders: Sequence[Leader]) -> None:
        """Keep decisions and new leaders.

        Idempotent: a decision is one row an alert; a leader's row is written with the alert's own time as
        timestamp, so that an older one never replaces a newer one.
        """
        # All at once: this is on the way from an arrival to its alert. In whatever order they are written, a second
        # try decides the rest. The queue's rows follow, and are waited for: that covers these.
        decided = insert_into(self._session, "alert_handling", _HANDLING)
        joined = insert_into(self._session, "alert_repeats", ("leader_id", "alert_id"))
        lead = prepare(self._session, _LEAD)
        calls: list[tuple[Any, Sequence[Any]]] = [
            (decided, (one.alert_id, one.account_id, one.leader_id, one.suppression_id)) for one in handlings
        ]
        calls += [(joined, (one.leader_id, one.alert_id)) for one in handlings if one.status is Status.JOINED]
        calls += [(lead, _leader_row(one)) for one in leaders]
        execute_many(self._session, calls, "deciding about alerts", IN_FLIGHT)

    def repeats(self, leader_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[uuid.UUID]]:
        """Alerts that were joined to each leader; leaders without any are left out."""
        cql = "SELECT leader_id, alert_id FROM alert_repeats WHERE leader_id IN ?"
        keys = list(dict.fromkeys(leader_ids))
        found: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
        for leader_id, alert_id in by_uuid_keys(self._session, cql, keys, doing="reading repeated alerts"):
            found[leader_id].append(alert_id)
        return {leader: sorted(members) for leader, members in found.items()}
