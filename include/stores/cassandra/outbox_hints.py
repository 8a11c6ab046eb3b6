"""Hints that lead to the deliveries that are due, and the list of minutes that may hold hints.

A hint says "look at this delivery from ``due_at`` on". It is written before the delivery comes into
the state it is for, so it may lead to nothing yet, and stays until a reader finds it stale.

A minute must not be taken off the list while a hint is being written into it, whoever dies or dawdles
and whatever the clocks say:

- a writer writes its hints first, and *then* reads that their minutes are listed and not being closed;
- a reader marks a minute as closing first, and *then* reads that it is empty, and takes it off only if
  its mark is still there.

If the writer has seen no mark, the reader's mark came later, and so did its look at the hints: it has
seen them. If the writer has seen a mark, it removes it, and the reader's attempt comes to nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

from cassandra.cluster import Session
from cassandra.query import BatchStatement, BatchType

from include.stores.cassandra.batches import bind_rows, write_rows
from include.stores.cassandra.errors import StoreUnavailable
from include.stores.cassandra.replicas import in_chunks
from include.stores.cassandra.statements import execute, execute_many, insert_into, prepare

MINUTE = timedelta(minutes=1)

_KEY = ("minute", "due_at", "delivery_id", "attempts")
_READ = "SELECT due_at, delivery_id, attempts FROM outbox_due WHERE minute = ? AND due_at <= ?"
_ANY = "SELECT due_at FROM outbox_due WHERE minute = ? LIMIT 1"
_REMOVE = "DELETE FROM outbox_due WHERE minute = ? AND due_at = ? AND delivery_id = ? AND attempts = ?"

_LISTED = "SELECT minute FROM outbox_open_minutes WHERE slot = 0 AND minute <= ?"
_STATES = "SELECT minute, closing FROM outbox_open_minutes WHERE slot = 0 AND minute IN ?"
_OPEN = "INSERT INTO outbox_open_minutes (slot, minute) VALUES (0, ?)"
_OPEN_FOR_SURE = f"{_OPEN} IF NOT EXISTS"
_REOPEN = "UPDATE outbox_open_minutes SET closing = null WHERE slot = 0 AND minute = ? IF closing = ?"
_MARK = "UPDATE outbox_open_minutes SET closing = ? WHERE slot = 0 AND minute = ? IF EXISTS"
_TAKE_OFF = "DELETE FROM outbox_open_minutes WHERE slot = 0 AND minute = ? IF closing = ?"

_MINUTES_AT_ONCE = 16
_MINUTES_CLOSED_AT_ONCE = 50
_TURNS = 5


@dataclass(frozen=True, slots=True, order=True)
class Hint:
    """A row of ``outbox_due``."""

    due_at: datetime  # UTC, whole milliseconds
    delivery_id: uuid.UUID
    attempts: int  # of the PENDING delivery it was written for

    @property
    def minute(self) -> datetime:
        """Its partition."""
        return self.due_at.replace(second=0, microsecond=0)


class OutboxHints:
    """``outbox_due`` and ``outbox_open_minutes``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def write(self, hints: Iterable[Hint]) -> None:
        """Write hints, and see to it that their minutes are listed.

        Idempotent: a hint is nothing but its key.

        Raises
        ------
        StoreUnavailable
            When Cassandra does not answer, or the minutes are taken off again and again.
        """
        rows = [(hint.minute, hint.due_at, hint.delivery_id, hint.attempts) for hint in hints]
        statement = insert_into(self._session, "outbox_due", _KEY)
        write_rows(self._session, statement, bind_rows(statement, rows))
        for minutes in in_chunks(sorted({row[0] for row in rows}), 100):
            self._open(minutes)

    def minutes(self, until: datetime) -> list[datetime]:
        """Listed minutes up to the one of ``until``, oldest first."""
        rows = execute(self._session, prepare(self._session, _LISTED), (until,), "reading the open minutes")
        return [minute.replace(tzinfo=UTC) for (minute,) in rows]

    def read(self, minutes: Sequence[datetime], until: datetime, at_once: int) -> Iterator[Sequence[Hint]]:
        """Hints of ``minutes`` due up to ``until``, oldest first, at most ``at_once`` at a time."""
        statement = prepare(self._session, _READ)
        for some in in_chunks(minutes, _MINUTES_AT_ONCE):
            calls = [(statement, (minute, until)) for minute in some]
            rows = chain.from_iterable(execute_many(self._session, calls, "reading outbox_due"))
            hints = sorted(Hint(due_at.replace(tzinfo=UTC), key, attempts) for due_at, key, attempts in rows)
            yield from in_chunks(hints, at_once)

    def remove(self, hints: Sequence[Hint]) -> None:
        """Remove stale hints. Idempotent: it deletes rows by their key."""
        statement = prepare(self._session, _REMOVE)
        rows = [(hint.minute, hint.due_at, hint.delivery_id, hint.attempts) for hint in hints]
        write_rows(self._session, statement, bind_rows(statement, rows))

    def close(self, minutes: Sequence[datetime]) -> None:
        """Take those of ``minutes`` off the list that are empty; a few at a time, the oldest first.

        Idempotent, and safe beside writers and other readers: see the top of this module.
        """
        minutes = minutes[:_MINUTES_CLOSED_AT_ONCE]
        mark = uuid.uuid4()
        if not minutes or not self._together(_MARK, [(mark, minute) for minute in minutes]):
            return
        statement = prepare(self._session, _ANY)
        rows = execute_many(
            self._session, [(statement, (minute,)) for minute in minutes], "reading outbox_due"
        )
        empty = [minute for minute, hints in zip(minutes, rows, strict=True) if not hints]
        if empty:
            self._together(_TAKE_OFF, [(minute, mark) for minute in empty])

    def _open(self, minutes: Sequence[datetime]) -> None:
        """Return once all ``minutes`` have been seen listed and not being closed."""
        for turn in range(_TURNS):
            states = self._states(minutes)
            absent = [(minute,) for minute in minutes if minute not in states]
            closing = [(minute, mark) for minute, mark in states.items() if mark is not None]
            if not absent and not closing:
                return
            if turn == 0:  # nearly always enough, and a fifth of the time of a compare-and-set
                statement = prepare(self._session, _OPEN)
                write_rows(self._session, statement, bind_rows(statement, absent))
            else:
                self._one_by_one(_OPEN_FOR_SURE, absent)
            self._one_by_one(_REOPEN, closing)
        raise StoreUnavailable(
            f"expected to open {len(minutes)} minutes of the outbox; readers closed them {_TURNS} times: "
            "run the task again"
        )

    def _states(self, minutes: Sequence[datetime]) -> dict[datetime, uuid.UUID | None]:
        """The mark of each listed minute; those not listed are left out."""
        statement = prepare(self._session, _STATES)
        rows = execute(self._session, statement, (list(minutes),), "reading the open minutes")
        return {minute.replace(tzinfo=UTC): mark for minute, mark in rows}

    def _one_by_one(self, cql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Compare-and-sets in one partition, which would only get in each other's way at once."""
        statement = prepare(self._session, cql, idempotent=False)
        for row in rows:
            execute(self._session, statement, row, "opening a minute of the outbox")

    def _together(self, cql: str, rows: Sequence[Sequence[Any]]) -> bool:
        """Compare-and-sets of one partition, all or none; whether they were applied."""
        statement = prepare(self._session, cql, idempotent=False)
        batch = BatchStatement(batch_type=BatchType.UNLOGGED)
        batch.is_idempotent = False
        for row in rows:
            batch.add(statement, row)
        return bool(execute(self._session, batch, doing="closing minutes of the outbox")[0][0])
