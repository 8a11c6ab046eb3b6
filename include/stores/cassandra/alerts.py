"""The alert store: the alert once, by id, and two tables that only say which alerts there are."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from itertools import chain
from typing import Any

from cassandra.cluster import Session
from cassandra.query import UNSET_VALUE

from include.alerts.alert import Alert, Severity
from include.stores.cassandra.batches import bind_rows, write_rows
from include.stores.cassandra.clock import join, split
from include.stores.cassandra.lookups import by_uuid_keys
from include.stores.cassandra.statements import execute, execute_many, insert_into, prepare

#: A day's list of alerts is spread over so many partitions, by alert id.
BUCKETS = 4

_NAMES = (
    "alert_id transaction_id batch_id account_id customer_id counterparty_id amount currency transaction_type "
    "channel country typology score rule_hits reasons model_version ruleset_version"
)
_PLAIN = tuple(_NAMES.split())
_TIMES = ("occurred_at", "arrived_at", "raised_at")
_MAPS = ("features", "contributions")
_COLUMNS = (*_PLAIN, *chain.from_iterable((name, f"{name}_us") for name in _TIMES), *_MAPS, "severity")
_DAY_COLUMNS = ("day", "bucket", "raised_at", "raised_at_us", "alert_id", "account_id", "severity")
_ACCOUNT_COLUMNS = ("account_id", "raised_at", "raised_at_us", "alert_id", "severity")

_BY_ID = f"SELECT {', '.join(_COLUMNS)} FROM alerts WHERE alert_id IN ?"  # noqa: S608 (constants)
_OF_DAY = "SELECT raised_at, raised_at_us, alert_id FROM alerts_by_day WHERE day = ? AND bucket = ? LIMIT ?"
_OF_ACCOUNT = "SELECT raised_at, raised_at_us, alert_id FROM alerts_by_account WHERE account_id = ? LIMIT ?"


class CassandraAlertStore:
    """``AlertStore`` on ``alerts``, ``alerts_by_day`` and ``alerts_by_account``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, alerts: Sequence[Alert]) -> None:
        """Upsert alerts, then list them under their day and account.

        Idempotent: every row is addressed by the alert's id and its unchanging time and account, and
        holds constant values. Broken off, it is to be called again; until then an alert may be found
        by id only.
        """
        self._write("alerts", _COLUMNS, [_row(alert) for alert in alerts])
        listed = [(alert, *split(alert.raised_at)) for alert in alerts]
        of_day = [
            (at.date(), _bucket(one.alert_id), at, below, one.alert_id, one.account_id, one.severity.value)
            for one, at, below in listed
        ]
        self._write("alerts_by_day", _DAY_COLUMNS, of_day)
        of_account = [
            (one.account_id, at, below, one.alert_id, one.severity.value) for one, at, below in listed
        ]
        self._write("alerts_by_account", _ACCOUNT_COLUMNS, of_account)

    def get(self, alert_id: uuid.UUID) -> Alert | None:
        """One alert, or None."""
        return self.get_many([alert_id]).get(alert_id)

    def get_many(self, alert_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Alert]:
        """Alerts by id; those not stored are left out."""
        rows = by_uuid_keys(self._session, _BY_ID, list(dict.fromkeys(alert_ids)), doing="reading alerts")
        return {row[0]: _alert(row) for row in rows}

    def by_day(self, day: date, limit: int = 1000) -> list[Alert]:
        """Alerts raised on a UTC day, newest first."""
        statement = prepare(self._session, _OF_DAY)
        calls = [(statement, (day, bucket, limit)) for bucket in range(BUCKETS)]
        buckets = execute_many(self._session, calls, f"reading the alerts of {day}")
        return self._listed(list(chain.from_iterable(buckets)), limit)

    def by_account(self, account_id: str, limit: int = 100) -> list[Alert]:
        """Alerts of an account, newest first."""
        statement = prepare(self._session, _OF_ACCOUNT)
        rows = execute(self._session, statement, (account_id, limit), "reading the alerts of an account")
        return self._listed(rows, limit)

    def _write(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        statement = insert_into(self._session, table, columns)
        write_rows(self._session, statement, bind_rows(statement, rows))

    def _listed(self, rows: Sequence[tuple[datetime, int, uuid.UUID]], limit: int) -> list[Alert]:
        """The alerts behind the newest rows of a list."""
        newest = sorted(rows, key=lambda row: row[2])
        newest.sort(key=lambda row: row[:2], reverse=True)
        ids = [alert_id for _, _, alert_id in newest[:limit]]
        alerts = self.get_many(ids)
        return [alerts[alert_id] for alert_id in ids if alert_id in alerts]


def _bucket(alert_id: uuid.UUID) -> int:
    return alert_id.int % BUCKETS


def _row(alert: Alert) -> list[Any]:
    """Values in the order of ``_COLUMNS``; what is absent is left unset, as a null is a tombstone."""
    values = {name: getattr(alert, name) for name in _PLAIN}
    for name in _TIMES:
        values[name], values[f"{name}_us"] = split(getattr(alert, name))
    for name in _MAPS:
        # Cassandra keeps a frozen map's bytes as they come and expects its keys in order.
        values[name] = dict(sorted(getattr(alert, name).items()))
    values["severity"] = alert.severity.value
    return [UNSET_VALUE if values[name] is None else values[name] for name in _COLUMNS]


def _alert(row: Sequence[Any]) -> Alert:
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in _TIMES:
        values[name] = join(values[name], values.pop(f"{name}_us"))
    for name in ("rule_hits", "reasons"):
        values[name] = tuple(values[name] or ())
    for name in _MAPS:
        values[name] = dict(values[name] or {})
    return Alert(**values | {"severity": Severity(values["severity"])})
