"""What is known of an account: its transactions, alerts, counterparties and devices; bounded, and said so."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from include.alerts.wording import words_of
from include.stores.cassandra.records import StoredTransaction
from plugins.fraud_desk import charts
from plugins.fraud_desk.bank import Stores
from plugins.fraud_desk.rendering import segment

#: How far a timeline reaches back, and how much of it is shown.
DAYS = 30
MOST_TRANSACTIONS = 400
MOST_ALERTS = 50


class Partner(BaseModel):
    """An account or a counterparty, and what went between it and the other."""

    model_config = ConfigDict(frozen=True)

    key: str
    count: int
    total: Decimal
    currency: str  # of the newest; amounts are summed whatever the currency
    last_at: datetime


class Device(BaseModel):
    """A device payments came from."""

    model_config = ConfigDict(frozen=True)

    device_id: str
    count: int
    first_at: datetime
    last_at: datetime


def history_of(stores: Stores, account_id: str, until: datetime) -> list[StoredTransaction]:
    """The newest transactions of an account's last ``DAYS`` days."""
    return stores.past.history(account_id, until - timedelta(days=DAYS), until, MOST_TRANSACTIONS)


def partners_of(history: Iterable[StoredTransaction]) -> tuple[Partner, ...]:
    """Counterparties of an account's transactions, the most frequent first."""
    by_key: dict[str, list[StoredTransaction]] = defaultdict(list)
    for one in history:
        by_key[one.counterparty_id].append(one)
    found = [
        Partner(
            key=key,
            count=len(ones),
            total=sum((one.amount for one in ones), Decimal()),
            currency=max(ones, key=lambda one: one.occurred_at).currency,
            last_at=max(one.occurred_at for one in ones),
        )
        for key, ones in by_key.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.count, -one.total, one.key)))


def devices_of(history: Iterable[StoredTransaction]) -> tuple[Device, ...]:
    """Devices of an account's transactions, the newest first."""
    by_id: dict[str, list[datetime]] = defaultdict(list)
    for one in history:
        if one.device_id:
            by_id[one.device_id].append(one.occurred_at)
    found = [
        Device(device_id=key, count=len(times), first_at=min(times), last_at=max(times))
        for key, times in by_id.items()
    ]
    return tuple(sorted(found, key=lambda one: one.last_at, reverse=True))


def timeline_of(
    history: Sequence[StoredTransaction],
    alerts: dict[str, uuid.UUID],
    since: datetime,
    until: datetime,
    this: str | None = None,
) -> charts.Plot:
    """The amounts of transactions over time.

    Parameters
    ----------
    alerts
        Alert by transaction id: those are marked and lead there.
    this
        Transaction the page is about.
    """
    happened = [
        charts.Happened(
            at=one.occurred_at,
            amount=one.amount,
            currency=one.currency,
            words=f"{words_of(one.transaction_type, 'en')} to {one.counterparty_id}"
            + (
                ", this alert"
                if one.transaction_id == this
                else ", alert"
                if one.transaction_id in alerts
                else ""
            ),
            kind="this" if one.transaction_id == this else "alert" if one.transaction_id in alerts else "",
            path=f"/alerts/{alerts[one.transaction_id]}"
            if one.transaction_id in alerts and one.transaction_id != this
            else "",
        )
        for one in history
    ]
    return charts.timeline(happened, since, until)


def graph_of(
    centre: str, partners: Iterable[Partner], folder: str, marked: str | None = None
) -> charts.Graph:
    """A centre and its partners; ``folder`` is where the partners' pages are."""
    links = [
        charts.Link(
            one.key, one.count, one.total, one.currency, one.key == marked, f"/{folder}/{segment(one.key)}"
        )
        for one in partners
    ]
    return charts.graph(centre, links)
