"""The queue on Cassandra: one partition an ordering and month, rows in their order, filtered by SAI indexes.

Each month gives its first rows in the order asked for, as far as the indexes can tell which; the best of them
are the page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from heapq import merge
from itertools import islice
from typing import Any

from cassandra.cluster import Session

from include.alerts.alert import Severity
from include.cases.case import Status
from include.cases.queue import (
    Ordering,
    QueueCount,
    QueueEntry,
    QueuePage,
    QueueQuery,
    checked_cursor,
    time_place,
)
from include.stores.cassandra.batches import bind_rows, write_rows
from include.stores.cassandra.clock import join, microseconds, month_of, split
from include.stores.cassandra.durability import wait_until_durable
from include.stores.cassandra.statements import border, prepare, tuples

_COLUMNS = (
    "ordering", "month", "position", "alert_id", "transaction_id", "raised_at", "raised_at_us", "severity",
    "typology", "score", "amount", "currency", "account_id", "counterparty_id", "customer_id", "transaction_type",
    "channel", "country", "version", "status", "worklist", "assignee", "changed_at", "changed_at_us", "leader_id",
)  # fmt: skip
_LISTED = ", ".join(_COLUMNS)
_INSERT = f"INSERT INTO alert_queue ({_LISTED}) VALUES ({', '.join('?' for _ in _COLUMNS)}) USING TIMESTAMP ?"  # noqa: S608
#: Columns with an index, the most telling first.
_INDEXED = ("account_id", "counterparty_id", "assignee", "status", "worklist", "typology", "severity")
#: Rows fetched at a time while looking for those a page takes.
_FETCH = 500


class CassandraQueueStore:
    """``QueueStore`` on ``alert_queue``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, entries: Sequence[QueueEntry]) -> None:
        """Write rows, each in every order.

        Idempotent: a row is written with the time of its change as timestamp, so that neither a replay nor a
        late writer takes a newer change back. Once this returns, they survive a kill of the node, and so does
        what the session wrote before.
        """
        statement = prepare(self._session, _INSERT)
        rows = [_row(entry, ordering) for entry in entries for ordering in Ordering]
        write_rows(self._session, statement, bind_rows(statement, rows))
        wait_until_durable(self._session)

    def page(self, query: QueueQuery) -> QueuePage:
        """Rows that answer a question, in its order.

        Raises
        ------
        QueryRefused
            A cursor that is none.
        """
        checked_cursor(query)
        months = [self._rows(query, month) for month in _months(query.since, query.until)]
        ordered = merge(*months, key=lambda pair: pair[0], reverse=True)
        found = list(islice(((at, one) for at, one in ordered if query.takes(one)), query.limit + 1))
        page = found[: query.limit]
        return QueuePage(tuple(one for _, one in page), page[-1][0] if len(found) > len(page) else None)

    def counts(self, since: datetime, until: datetime) -> list[QueueCount]:
        """How many alerts raised in [since, until) stand where. Reads them all: ask now and then."""
        numbers: dict[tuple[Status, Severity], int] = defaultdict(int)
        alone: dict[tuple[Status, Severity], int] = defaultdict(int)
        amounts: dict[tuple[Status, Severity], Decimal] = defaultdict(Decimal)
        cql = "SELECT position, status, severity, assignee, amount FROM alert_queue WHERE ordering = ? AND month = ?"
        first, end = time_place(since), time_place(until)
        for month in _months(since, until):
            for position, status, severity, assignee, amount in self._stream(
                cql, (Ordering.NEWEST.value, month)
            ):
                if first <= position < end:
                    key = Status(status), Severity(severity)
                    numbers[key] += 1
                    alone[key] += assignee is None
                    amounts[key] += amount
        return [QueueCount(*key, count, alone[key], amounts[key]) for key, count in sorted(numbers.items())]

    def _rows(self, query: QueueQuery, month: int) -> Iterator[tuple[str, QueueEntry]]:
        """Rows of a month after the cursor, by their positions, as far as indexes can tell them apart."""
        wanted = {name: getattr(query, name) for name in _INDEXED}
        filters = [(name, value) for name, value in wanted.items() if value is not None]
        cql = f"SELECT {_LISTED} FROM alert_queue WHERE ordering = ? AND month = ?"  # noqa: S608 (constants)
        values: list[Any] = [query.ordering.value, month]
        if query.after is not None:
            cql, values = f"{cql} AND position < ?", [*values, query.after]
        for name, value in filters:
            cql, values = f"{cql} AND {name} = ?", [*values, str(value)]
        if query.amount_at_least is not None:
            cql, values = f"{cql} AND amount >= ?", [*values, query.amount_at_least]
        for row in self._stream(cql, values, min(_FETCH, query.limit + 1)):
            yield row[2], _entry(row)

    def _stream(self, cql: str, values: Sequence[Any], fetch: int = 5_000) -> Iterator[tuple[Any, ...]]:
        statement = prepare(self._session, cql).bind(list(values))
        statement.fetch_size = fetch
        with border("reading the queue"):
            yield from self._session.execute(statement, execution_profile=tuples(self._session))


def _months(since: datetime, until: datetime) -> list[int]:
    """Months that [since, until) touches, the newest first."""
    month, last = month_of(since), month_of(until)
    found = [month]
    while month < last:
        month = month + 1 if month % 100 < 12 else month + 89
        found.append(month)
    return found[::-1]


def _row(entry: QueueEntry, ordering: Ordering) -> tuple[Any, ...]:
    return (
        ordering.value, month_of(entry.raised_at), entry.position(ordering), entry.alert_id, entry.transaction_id,
        *split(entry.raised_at), entry.severity.value, entry.typology, entry.score, entry.amount, entry.currency,
        entry.account_id, entry.counterparty_id, entry.customer_id, entry.transaction_type, entry.channel,
        entry.country, entry.version, entry.status.value, entry.worklist.value, entry.assignee,
        *split(entry.changed_at), entry.leader_id, microseconds(entry.changed_at),
    )  # fmt: skip


def _entry(row: Sequence[Any]) -> QueueEntry:
    values = dict(zip(_COLUMNS, row, strict=True))
    return QueueEntry(
        raised_at=join(values["raised_at"], values["raised_at_us"]),
        severity=Severity(values["severity"]),
        status=Status(values["status"]),
        changed_at=join(values["changed_at"], values["changed_at_us"]),
        **{name: values[name] for name in _UNCHANGED},
    )


_UNCHANGED = (
    "alert_id", "transaction_id", "typology", "score", "amount", "currency", "account_id", "counterparty_id",
    "customer_id", "transaction_type", "channel", "country", "version", "assignee", "leader_id",
)  # fmt: skip
