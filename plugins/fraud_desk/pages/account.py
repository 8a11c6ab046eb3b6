"""One account: totals, what it did lately, its alerts and what became of them, counterparties, devices, holder."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from include.alerts.contacts import Customer
from include.alerts.masking import mask_account
from include.cases.case import Status
from include.reports.csv_export import TRANSACTION_COLUMNS
from include.stores.cassandra.records import StoredTransaction, Totals
from plugins.fraud_desk import dossier
from plugins.fraud_desk.bank import Stores, StoresDep
from plugins.fraud_desk.rendering import page
from plugins.fraud_desk.rows import AlertRow, rows_of_alerts
from plugins.fraud_desk.taking_out import MOST, Taker, taken_out

router = APIRouter()

_LISTED = 30


class TotalsView(BaseModel):
    """Since the first transaction; amounts whatever the currency."""

    count: int
    total: Decimal
    mean: Decimal
    maximum: Decimal

    @classmethod
    def of(cls, totals: Totals | None) -> TotalsView | None:
        """Of stored totals."""
        if totals is None:
            return None
        return cls(count=totals.count, total=totals.total, mean=totals.mean, maximum=totals.maximum)


class Holder(BaseModel):
    """Who is told of alerts; the ways to reach them masked."""

    customer_id: str
    segment: str
    language: str
    email: str | None
    phone: str | None
    consents_email: bool
    consents_sms: bool
    timezone: str

    @classmethod
    def of(cls, customer: Customer) -> Holder:
        """Of a customer."""
        return cls(
            customer_id=customer.customer_id,
            segment=customer.segment,
            language=customer.language,
            email=_masked_mail(customer.email),
            phone=mask_account(customer.phone) if customer.phone else None,
            consents_email=customer.consent_email,
            consents_sms=customer.consent_sms,
            timezone=customer.timezone,
        )


class TransactionView(BaseModel):
    """One transaction of the list."""

    transaction_id: str
    occurred_at: datetime
    amount: Decimal
    currency: str
    counterparty_id: str
    transaction_type: str
    channel: str
    country: str

    @classmethod
    def of(cls, one: StoredTransaction) -> TransactionView:
        """Of a stored transaction."""
        return cls(**{name: getattr(one, name) for name in cls.model_fields})


class AccountView(BaseModel):
    """Everything the page shows."""

    account_id: str
    totals: TotalsView | None
    holder: Holder | None
    alerts: tuple[AlertRow, ...]
    dispositions: dict[Status, int]
    partners: tuple[dossier.Partner, ...]
    devices: tuple[dossier.Device, ...]
    transactions: tuple[TransactionView, ...]


@router.get("/accounts/{account_id:path}", response_class=HTMLResponse)
def account_page(account_id: str, request: Request, stores: StoresDep) -> HTMLResponse:
    """The page."""
    until = datetime.now(UTC) + timedelta(minutes=1)
    history = dossier.history_of(stores, account_id, until)
    view = _view(stores, account_id, history)
    return page(
        request,
        "account.html",
        view=view,
        timeline=dossier.timeline_of(
            history,
            {row.transaction_id: row.alert_id for row in view.alerts},
            until - timedelta(days=dossier.DAYS),
            until,
        ),
        graph=dossier.graph_of(account_id, view.partners, "counterparties"),
        days=dossier.DAYS,
        found=len(history),
        most=dossier.MOST_TRANSACTIONS,
        most_alerts=dossier.MOST_ALERTS,
    )


@router.get("/transactions.csv")
def transactions_csv(
    person: Taker, account: Annotated[str, Query(min_length=1)], stores: StoresDep
) -> Response:
    """An account's transactions of the days its page shows, as a file."""
    until = datetime.now(UTC)
    rows = stores.past.history(account, until - timedelta(days=dossier.DAYS), until, MOST)
    detail = {"account_id": account, "days": dossier.DAYS}
    return taken_out(
        stores.audit, person, "transactions", detail, rows, TRANSACTION_COLUMNS, "transactions.csv"
    )


@router.get("/api/accounts/{account_id:path}")
def account(account_id: str, stores: StoresDep) -> AccountView:
    """The same for programs."""
    return _view(stores, account_id, dossier.history_of(stores, account_id, datetime.now(UTC)))


def _view(stores: Stores, account_id: str, history: list[StoredTransaction]) -> AccountView:
    alerts = stores.alerts.by_account(account_id, dossier.MOST_ALERTS)
    rows = rows_of_alerts(stores, alerts)
    newest = [one.customer_id for one in history[:1]] + [one.customer_id for one in alerts[:1]]
    customers = [one for one in newest if one][:1]
    holders = stores.customers.get_many(customers) if customers else {}
    return AccountView(
        account_id=account_id,
        totals=TotalsView.of(stores.past.running_total("account", account_id)),
        holder=next((Holder.of(customer) for customer in holders.values()), None),
        alerts=rows,
        dispositions=dict(Counter(row.status for row in rows)),
        partners=dossier.partners_of(history),
        devices=dossier.devices_of(history),
        transactions=tuple(TransactionView.of(one) for one in history[:_LISTED]),
    )


def _masked_mail(address: str | None) -> str | None:
    if address is None:
        return None
    name, _, host = address.partition("@")
    return f"{name[:1]}•••@{host}"
