"""Deliveries for people who look: of one alert, and page by page, the newest first.

The list of a day only says which deliveries there are; their state is looked up. A state that few deliveries
are in is found by its index instead, as a page of three dead ones would have to look up everything else.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any

from cassandra.cluster import Session

from include.alerts.delivery import Delivery, DeliveryState, Place, by_age, place_key
from include.stores.cassandra.batches import bind_rows, write_rows
from include.stores.cassandra.clock import join, split
from include.stores.cassandra.outbox_records import COLUMNS, truth_from
from include.stores.cassandra.statements import execute, execute_many, insert_into, prepare

#: A day's list is spread over so many partitions, by delivery id.
BUCKETS = 4
#: As many as this are read by the index of their state, and sorted here.
FEW = 2_000
#: How much is looked up at a time when a page is looked for: at first, and at most once little of it fits.
AT_LEAST, AT_MOST = 100, 2_000

_COLUMNS = ("day", "bucket", "created_at", "created_at_us", "delivery_id", "channel")
_DAYS = "SELECT DISTINCT day, bucket FROM deliveries_by_day"
_OF_DAY = "SELECT created_at, created_at_us, delivery_id, channel FROM deliveries_by_day WHERE day = ? AND bucket = ?"
_SAME_MOMENT = f"{_OF_DAY} AND created_at = ? AND created_at_us = ? AND delivery_id > ? LIMIT ?"
_EARLIER = f"{_OF_DAY} AND (created_at, created_at_us) < (?, ?) LIMIT ?"
_FIRST = f"{_OF_DAY} LIMIT ?"
_OF_ALERT = f"SELECT {', '.join(COLUMNS)} FROM outbox WHERE alert_id = ?"  # noqa: S608 (constants)
_IN_STATE = f"SELECT {', '.join(COLUMNS)} FROM outbox WHERE state = ? LIMIT ?"  # noqa: S608 (constants)

GetMany = Callable[[Sequence[uuid.UUID]], dict[uuid.UUID, Delivery]]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row of ``deliveries_by_day``."""

    place: Place
    channel: str


class OutboxListing:
    """``deliveries_by_day``, and the indexes of ``outbox``."""

    def __init__(self, session: Session, get_many: GetMany) -> None:
        self._session = session
        self._get_many = get_many

    def write(self, deliveries: Sequence[Delivery]) -> None:
        """List deliveries. Idempotent: a row holds nothing that changes."""
        statement = insert_into(self._session, "deliveries_by_day", _COLUMNS)
        rows = []
        for one in deliveries:
            at, below = split(one.created_at)
            bucket = one.delivery_id.int % BUCKETS
            rows.append((at.date(), bucket, at, below, one.delivery_id, one.channel))
        write_rows(self._session, statement, bind_rows(statement, rows))

    def of_alert(self, alert_id: uuid.UUID) -> list[Delivery]:
        """Deliveries of one alert, by the moment they were made and by id."""
        rows = execute(
            self._session, prepare(self._session, _OF_ALERT), (alert_id,), "reading an alert's deliveries"
        )
        return sorted(_deliveries(rows), key=by_age)

    def recent(
        self, limit: int, state: DeliveryState | None, channel: str | None, after: Place | None
    ) -> list[Delivery]:
        """Deliveries, the newest first; see ``OutboxStore.recent``."""
        if state not in (None, DeliveryState.DELIVERED):  # which most are
            rows = execute(
                self._session, prepare(self._session, _IN_STATE), (state, FEW + 1), "reading a state"
            )
            if len(rows) <= FEW:
                of_state = sorted(_deliveries(rows), key=place_key)
                return [
                    one
                    for one in of_state
                    if (channel is None or one.channel == channel) and (after is None or after.precedes(one))
                ][:limit]
        found: list[Delivery] = []
        for entries in self._entries(after, max(limit, AT_LEAST)):
            ids = [
                entry.place.delivery_id for entry in entries if channel is None or entry.channel == channel
            ]
            there = self._get_many(ids)
            page = [there[key] for key in ids if key in there]
            found += [one for one in page if state is None or one.state is state]
            if len(found) >= limit:
                break
        return found[:limit]

    def _entries(self, after: Place | None, at_once: int) -> Iterator[list[_Entry]]:
        """The list behind a place, the newest first, about ``at_once`` at a time, and more as it goes on."""
        rows = execute(self._session, prepare(self._session, _DAYS), doing="reading the days of the outbox")
        last = split(after.created_at)[0].date() if after else None
        for day in sorted({day.date() for day, _ in rows}, reverse=True):
            if last is not None and day > last:
                continue
            place = after if day == last else None
            while entries := self._of_day(day, place, at_once):
                yield entries
                if len(entries) < at_once:
                    break
                place = entries[-1].place
                at_once = min(2 * at_once, max(at_once, AT_MOST))

    def _of_day(self, day: date, place: Place | None, at_once: int) -> list[_Entry]:
        calls: list[tuple[Any, Sequence[Any]]] = []
        for bucket in range(BUCKETS):
            if place is None:
                calls.append((prepare(self._session, _FIRST), (day, bucket, at_once)))
                continue
            at, below = split(place.created_at)
            same = (day, bucket, at, below, place.delivery_id, at_once)
            calls.append((prepare(self._session, _SAME_MOMENT), same))
            calls.append((prepare(self._session, _EARLIER), (day, bucket, at, below, at_once)))
        rows = chain.from_iterable(execute_many(self._session, calls, f"reading the deliveries of {day}"))
        entries = [_Entry(Place(join(at, below), key), channel) for at, below, key, channel in rows]
        return sorted(entries, key=lambda entry: place_key(entry.place))[:at_once]


def _deliveries(rows: Sequence[Sequence[object]]) -> list[Delivery]:
    truths = [truth_from(row) for row in rows]
    return [truth.delivery for truth in truths if truth.delivery is not None]
