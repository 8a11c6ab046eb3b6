"""Readers of what the loader wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from cassandra.cluster import Session

from include.stores.cassandra.clock import month_of, split
from include.stores.cassandra.errors import UnknownKind
from include.stores.cassandra.lookups import by_text_keys
from include.stores.cassandra.records import (
    DECISION_COLUMNS,
    TRANSACTION_COLUMNS,
    StoredDecision,
    StoredTransaction,
    Totals,
    decision_from,
    totals_from,
    transaction_from,
)
from include.stores.cassandra.running import COLUMNS as RUNNING_COLUMNS
from include.stores.cassandra.statements import border, execute, execute_many, prepare

Kind = Literal["account", "counterparty"]
Period = Literal["hour", "day"]
_LENGTH = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
_BIGINT_MAX = 2**63 - 1

_TRANSACTION = (
    f"SELECT {', '.join(TRANSACTION_COLUMNS)} FROM transactions_by_account WHERE account_id = ? AND month = ?"  # noqa: S608
)
_HISTORY = f"{_TRANSACTION} AND occurred_at >= ? AND occurred_at < ? LIMIT ?"
_ONE = f"{_TRANSACTION} AND occurred_at = ? AND transaction_id = ?"
_PLACE = "SELECT account_id, month, occurred_at FROM transactions_by_id WHERE transaction_id = ?"
_KEYS = (
    "SELECT transaction_id, account_id, month, occurred_at FROM transactions_by_id WHERE transaction_id IN ?"
)
_PLACES = "SELECT transaction_id, batch_id FROM transactions_by_id WHERE transaction_id IN ?"
_DECISION = f"SELECT {', '.join(DECISION_COLUMNS)} FROM decisions WHERE transaction_id IN ?"  # noqa: S608


def account_history(
    session: Session, account_id: str, since: datetime, until: datetime, limit: int = 1000
) -> list[StoredTransaction]:
    """Transactions of an account with since <= occurred_at < until, newest first, at most ``limit``.

    Bounds are compared to the millisecond.
    """
    statement = prepare(session, _HISTORY)
    found: list[StoredTransaction] = []
    for month in _months_back(since, until):
        if len(found) >= limit:
            break
        values = (account_id, month, split(since)[0], split(until)[0], limit - len(found))
        found += map(transaction_from, execute(session, statement, values, f"reading account {account_id}"))
    return found


def transaction(session: Session, transaction_id: str) -> StoredTransaction | None:
    """One transaction, or None."""
    doing = f"reading transaction {transaction_id}"
    place = execute(session, prepare(session, _PLACE), (transaction_id,), doing)
    if not place:
        return None
    rows = execute(session, prepare(session, _ONE), (*place[0], transaction_id), doing)
    return transaction_from(rows[0]) if rows else None


def decision(session: Session, transaction_id: str) -> StoredDecision | None:
    """The decision about one transaction, or None."""
    return decisions(session, [transaction_id]).get(transaction_id)


def decisions(session: Session, transaction_ids: Sequence[str]) -> dict[str, StoredDecision]:
    """Decisions by transaction id; absent ids are left out."""
    rows = by_text_keys(session, _DECISION, list(dict.fromkeys(transaction_ids)), doing="reading decisions")
    return {row[0]: decision_from(row) for row in rows}


def account_totals(
    session: Session, account_id: str, period: Period, since: datetime, until: datetime
) -> list[Totals]:
    """Totals of an account for each hour or day that starts in [since, until), oldest first.

    Periods without transactions are left out. One partition is read a day.
    """
    return _totals(session, "account", account_id, period, since, until)


def counterparty_totals(
    session: Session, counterparty_id: str, period: Period, since: datetime, until: datetime
) -> list[Totals]:
    """Totals of a counterparty, see ``account_totals``."""
    return _totals(session, "counterparty", counterparty_id, period, since, until)


def running_total(session: Session, kind: Kind, key: str, up_to_batch: int | None = None) -> Totals | None:
    """Totals of a key since its first transaction, as of a batch (included) or as of now."""
    if kind not in ("account", "counterparty"):
        raise UnknownKind(f"expected account or counterparty; came {kind!r}: correct the caller")
    cql = (
        f"SELECT {', '.join(RUNNING_COLUMNS)} FROM {kind}_running_totals "  # noqa: S608 (kind is checked)
        f"WHERE {kind}_id = ? AND batch_id <= ? LIMIT 1"
    )
    newest = _BIGINT_MAX if up_to_batch is None else up_to_batch
    rows = execute(session, prepare(session, cql), (key, newest), f"reading the totals of {kind} {key}")
    return totals_from(key, None, rows[0]) if rows else None


def batches_of(session: Session, transaction_ids: Sequence[str]) -> dict[str, int]:
    """Number of the batch each id was loaded by; ids not stored are left out."""
    rows = by_text_keys(
        session, _PLACES, list(dict.fromkeys(transaction_ids)), doing="reading transactions_by_id"
    )
    return dict(rows)


def transactions(session: Session, transaction_ids: Sequence[str]) -> dict[str, StoredTransaction]:
    """Transactions by id; unknown ones are left out."""
    doing = "reading transactions by id"
    keys = by_text_keys(session, _KEYS, list(dict.fromkeys(transaction_ids)), doing=doing)
    statement = prepare(session, _ONE)
    calls: list[tuple[Any, Sequence[Any]]] = [(statement, (*place, name)) for name, *place in keys]
    found = (transaction_from(row) for rows in execute_many(session, calls, doing) for row in rows)
    return {one.transaction_id: one for one in found}


def stored_by_batch(session: Session) -> dict[int, int]:
    """Transactions stored, by batch. Reads the whole of ``transactions_by_id``: for reports and tests."""
    statement = prepare(session, "SELECT batch_id FROM transactions_by_id")
    with border("counting transactions"):
        counter = Counter(row[0] for row in session.execute(statement, timeout=None))
    return dict(sorted(counter.items()))


def _totals(
    session: Session, kind: Kind, key: str, period: Period, since: datetime, until: datetime
) -> list[Totals]:
    if period not in _LENGTH:
        raise UnknownKind(f"expected hour or day; came {period!r}: correct the caller")
    sums = "SUM(transaction_count), SUM(total), MAX(maximum)"
    where = f"FROM {kind}_totals WHERE {kind}_id = ? AND day = ?"
    day, hour = _LENGTH["day"], _LENGTH["hour"]
    hours: tuple[datetime, ...] = ()
    if period == "day":
        cql, days = f"SELECT day, {sums} {where}", _starts(since, until, day)
    else:
        cql = f"SELECT hour, {sums} {where} AND hour >= ? AND hour < ? GROUP BY hour"
        days = _starts(_floor(since, day), until, day)
        hours = (_ceiling(since, hour), _ceiling(until, hour))
    statement = prepare(session, cql)
    calls: list[tuple[Any, Sequence[Any]]] = [(statement, (key, start, *hours)) for start in days]
    rows = [
        row for rows in execute_many(session, calls, f"reading the totals of {kind} {key}") for row in rows
    ]
    return [totals_from(key, start.replace(tzinfo=UTC), sums) for start, *sums in rows if start is not None]


def _floor(moment: datetime, length: timedelta) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + (moment - epoch) // length * length


def _ceiling(moment: datetime, length: timedelta) -> datetime:
    start = _floor(moment, length)
    return start if start == moment else start + length


def _starts(since: datetime, until: datetime, length: timedelta) -> Iterator[datetime]:
    start = _ceiling(since, length)  # the first period that does not start before since
    while start < until:
        yield start
        start += length


def _months_back(since: datetime, until: datetime) -> Iterator[int]:
    month, last = month_of(until), month_of(since)
    while month >= last:
        yield month
        month = month - 1 if month % 100 > 1 else month - 89
