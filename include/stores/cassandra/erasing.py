"""Takes a person out of Cassandra's tables, but for what law keeps; each step may be done again."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from cassandra.cluster import Session

from include.alerts.delivery import CUSTOMER, DeliveryState
from include.cases.case import Case, Status
from include.stores.cassandra.alerts import BUCKETS
from include.stores.cassandra.batches import write_rows
from include.stores.cassandra.cases import CassandraCaseStore, CassandraHandlingStore
from include.stores.cassandra.clock import month_of
from include.stores.cassandra.durability import wait_until_durable
from include.stores.cassandra.encoding import rows_of
from include.stores.cassandra.loader import ROW_TABLES, columns_of
from include.stores.cassandra.retention import Retention
from include.stores.cassandra.statements import execute, execute_many, insert_into, prepare

#: The duty to keep records of suspected crime outweighs the wish to be forgotten (GDPR, article 17(3)(b); the
#: directives against money laundering ask for five years).
BY_LAW = "confirmed as fraud: kept by law"
UNDECIDED = "the case is not decided yet: ask again once it is"

_FINAL = (DeliveryState.DELIVERED.value, DeliveryState.DEAD.value, DeliveryState.DIGESTED.value)
_PERSONAL_STATES = (
    "account_state",
    "account_running_totals",
    "counterparty_state",
    "counterparty_running_totals",
)


@dataclass(slots=True)
class StoresErased:
    """Rows by table that were removed, that got tokens, and alerts that were kept, by why."""

    removed: Counter[str] = field(default_factory=Counter)
    tokenised: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)


class CassandraEraser:
    """Erases accounts.

    Parameters
    ----------
    tokens
        Account → what takes its place.
    """

    def __init__(self, session: Session, tokens: Mapping[str, str]) -> None:
        self._session = session
        self._tokens = tokens
        self._outcome = StoresErased()

    @property
    def outcome(self) -> StoresErased:
        """What has been done by this object."""
        return self._outcome

    def keeps(self, account: str) -> dict[uuid.UUID, str]:
        """Alerts of an account that stay, and why."""
        return {alert: why for alert, why in self._alerts(account) if why}

    def move_rows(self, scored: pa.Table, batch: int) -> None:
        """Write the rows that the rewritten scored file of a batch has with tokens; the same again changes nothing.

        ``verify-audit`` holds these rows against the file, so they follow it to the byte.
        """
        columns = columns_of(scored, batch)
        for table, names in ROW_TABLES.items():
            statement = insert_into(self._session, table, names)
            self.outcome.tokenised[table] += write_rows(self._session, statement, rows_of(statement, columns))
        by_id = dict(zip(scored["transaction_id"].to_pylist(), scored["account_id"].to_pylist(), strict=True))
        self._label_rows(by_id)

    def erase_totals(self, kind: str, key: str, moments: Iterable[datetime]) -> None:
        """Remove the totals of the days in which ``key`` has transactions, as ``kind``."""
        days = sorted({one.replace(hour=0, minute=0, second=0, microsecond=0) for one in moments})
        self._delete(f"{kind}_totals", (f"{kind}_id", "day"), [(key, day) for day in days])

    def erase_account(self, account: str, in_lake: set[str]) -> None:
        """Remove everything of an account that has no token in a file of the lake.

        Parameters
        ----------
        in_lake
            Transactions whose rows ``move_rows`` has written: they have the token already.
        """
        months = list(_months(datetime.now(UTC)))
        rows = self._select(
            "transactions_by_account",
            "transaction_id, occurred_at",
            "account_id = ? AND month = ?",
            [(account, month) for month in months],
        )
        older = sorted({row[0] for row in rows} - in_lake)
        self._delete("transactions_by_id", ("transaction_id",), [(one,) for one in older])
        self._delete("decisions", ("transaction_id",), [(one,) for one in older])
        self._delete("labels_by_transaction", ("transaction_id",), [(one,) for one in older])
        self.erase_totals("account", account, (row[1].replace(tzinfo=UTC) for row in rows))
        self._delete(
            "transactions_by_account", ("account_id", "month"), [(account, month) for month in months]
        )
        for table in _PERSONAL_STATES:
            self._delete(table, (f"{table.partition('_')[0]}_id",), [(account,)])
        self._erase_alerts(account)
        self._erase_suppressions(account)
        wait_until_durable(self._session)

    def erase_customer(self, customer_id: str) -> None:
        """Remove the customer's record: contacts, consents, quiet hours."""
        self._delete("customers", ("customer_id",), [(customer_id,)])

    def _alerts(self, account: str) -> Iterator[tuple[uuid.UUID, str]]:
        """Every alert of an account, with why it stays; "" if it does not."""
        found = self._select("alerts_by_account", "alert_id", "account_id = ?", [(account,)])
        ids = [row[0] for row in found]
        cases = CassandraCaseStore(self._session).cases(ids)
        # A case that nobody has touched has no event; whether it was joined or suppressed stands elsewhere.
        handlings = CassandraHandlingStore(self._session).handlings([one for one in ids if one not in cases])
        joined = {one: handling.leader_id for one, handling in handlings.items() if handling.leader_id}
        joined |= {one: case.leader_id for one, case in cases.items() if case.leader_id}
        leaders = CassandraCaseStore(self._session).cases(list(joined.values()))
        for alert_id in ids:
            case = cases.get(alert_id)
            if case is None and alert_id in handlings and handlings[alert_id].suppression_id:
                yield alert_id, ""
            elif alert_id in joined and (case is None or case.status is Status.JOINED):
                yield alert_id, _why_kept(leaders.get(joined[alert_id]))
            else:
                yield alert_id, _why_kept(case)

    def _erase_alerts(self, account: str) -> None:
        listed = self._select(
            "alerts_by_account", "raised_at, raised_at_us, alert_id", "account_id = ?", [(account,)]
        )
        why = dict(self._alerts(account))
        queued = self._select(
            "alert_queue", "ordering, month, position, alert_id", "account_id = ?", [(account,)]
        )
        for alert_id, reason in why.items():
            if reason:
                self.outcome.kept[reason] += 1
                self._forget_recipients(alert_id, account)
        going = [(raised, below, one) for raised, below, one in listed if not why[one]]
        ids = [one for _, _, one in going]
        self._delete(
            "alert_queue", ("ordering", "month", "position"), [r[:3] for r in queued if r[3] in set(ids)]
        )
        for alert_id in ids:
            self._forget_recipients(alert_id, account)
        for table, key in (
            ("case_events", "alert_id"),
            ("alert_handling", "alert_id"),
            ("alert_repeats", "leader_id"),
            ("alerts", "alert_id"),
        ):
            self._delete(table, (key,), [(one,) for one in ids])
        by_day = [(raised.date(), one.int % BUCKETS, raised, below, one) for raised, below, one in going]
        self._delete("alerts_by_day", ("day", "bucket", "raised_at", "raised_at_us", "alert_id"), by_day)
        # Last: it is what the next try finds the alerts by.
        by_account = [(account, raised, below, one) for raised, below, one in going]
        self._delete("alerts_by_account", ("account_id", "raised_at", "raised_at_us", "alert_id"), by_account)
        if not any(why.values()):
            self._delete("alert_leaders", ("account_id",), [(account,)])

    def _forget_recipients(self, alert_id: uuid.UUID, account: str) -> None:
        """Of what was sent to the customer, where it was sent to; deliveries under way are left and counted."""
        rows = self._select(
            "outbox", "delivery_id, audience, state, recipient", "alert_id = ?", [(alert_id,)]
        )
        token = self._tokens[account]
        cql = "UPDATE outbox SET recipient = ? WHERE delivery_id = ? IF state IN ?"
        statement = prepare(self._session, cql, idempotent=False)
        for delivery_id, audience, _, recipient in rows:
            if audience != CUSTOMER or recipient == token:
                continue
            (answer,) = execute(
                self._session, statement, (token, delivery_id, list(_FINAL)), "forgetting a recipient"
            )
            if answer[0]:
                self.outcome.tokenised["outbox"] += 1
            else:
                self.outcome.kept["a message to the customer is being sent: ask again once it is"] += 1

    def _erase_suppressions(self, account: str) -> None:
        statement = prepare(
            self._session, "SELECT slot, suppression_id, scope, value, until FROM suppressions"
        )
        for slot, suppression_id, scope, value, until in execute(
            self._session, statement, doing="suppressions"
        ):
            if scope != "account" or value != account:
                continue
            if until.replace(tzinfo=UTC) < datetime.now(UTC):
                self._delete("suppressions", ("slot", "suppression_id"), [(slot, suppression_id)])
            else:
                self.outcome.kept["a suppression that still holds: ask again once it is over"] += 1

    def _label_rows(self, account_of: Mapping[str, str]) -> None:
        rows = self._select(
            "labels_by_transaction",
            "transaction_id, source, account_id",
            "transaction_id = ?",
            [(one,) for one in account_of],
        )
        cql = "UPDATE labels_by_transaction SET account_id = ? WHERE transaction_id = ? AND source = ?"
        statement = prepare(self._session, cql)
        calls = [
            (statement, (account_of[one], one, source))
            for one, source, account in rows
            if account in self._tokens
        ]
        execute_many(self._session, calls, "labels of the erased")
        self.outcome.tokenised["labels_by_transaction"] += len(calls)

    def _select(
        self, table: str, columns: str, where: str, keys: Sequence[Sequence[Any]]
    ) -> list[tuple[Any, ...]]:
        statement = prepare(self._session, f"SELECT {columns} FROM {table} WHERE {where}")  # noqa: S608 (constants)
        results = execute_many(self._session, [(statement, key) for key in keys], f"reading {table}")
        return [tuple(row) for rows in results for row in rows]

    def _delete(self, table: str, key: Sequence[str], keys: Sequence[Sequence[Any]]) -> None:
        """Delete what is there by key, and count the rows; what is not there leaves no tombstone."""
        where = " AND ".join(f"{name} = ?" for name in key)
        select = prepare(self._session, f"SELECT {key[0]} FROM {table} WHERE {where}")  # noqa: S608 (constants)
        found = execute_many(self._session, [(select, one) for one in keys], f"reading {table}")
        there = [(one, len(rows)) for one, rows in zip(keys, found, strict=True) if rows]
        statement = prepare(self._session, f"DELETE FROM {table} WHERE {where}")  # noqa: S608 (constants)
        execute_many(self._session, [(statement, one) for one, _ in there], f"erasing from {table}")
        self.outcome.removed[table] += sum(count for _, count in there)


def _why_kept(case: Case | None) -> str:
    """Why the alert of a case stays; "" if it does not."""
    if case is not None and case.status is Status.CONFIRMED:
        return BY_LAW
    decided = case is not None and case.status in (Status.DISMISSED, Status.SUPPRESSED)
    return "" if decided else UNDECIDED


def _months(now: datetime) -> Iterator[int]:
    """Months that may have transactions, the newest first."""
    days = Retention().transactions or 3_660
    month, first = month_of(now), month_of(now - timedelta(days=days))
    while month >= first:
        yield month
        month = month - 1 if month % 100 > 1 else month - 89
