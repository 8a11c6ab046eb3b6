"""One counterparty: what it received in all and by day, alerts at it, and the accounts of those alerts.

There is no table of transactions by counterparty, so the accounts are those of its alerts, and the page says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from include.cases.case import Status
from plugins.fraud_desk import charts, dossier
from plugins.fraud_desk.alert_view import of_counterparty
from plugins.fraud_desk.bank import StoresDep
from plugins.fraud_desk.pages.account import TotalsView
from plugins.fraud_desk.rendering import number, page
from plugins.fraud_desk.rows import AlertRow

router = APIRouter()

_ALERTS = 100


class Day(BaseModel):
    """What a counterparty received on a day."""

    day: datetime
    count: int
    total: Decimal
    maximum: Decimal


class CounterpartyView(BaseModel):
    """Everything the page shows; amounts whatever the currency."""

    counterparty_id: str
    totals: TotalsView | None
    days: tuple[Day, ...]
    alerts: tuple[AlertRow, ...]
    dispositions: dict[Status, int]
    accounts: tuple[dossier.Partner, ...]  # of the alerts


@router.get("/counterparties/{counterparty_id:path}", response_class=HTMLResponse)
def counterparty_page(counterparty_id: str, request: Request, stores: StoresDep) -> HTMLResponse:
    """The page."""
    view = counterparty(counterparty_id, stores)
    return page(
        request,
        "counterparty.html",
        view=view,
        graph=dossier.graph_of(counterparty_id, view.accounts, "accounts"),
        columns=charts.columns([(one.day, float(one.total), _day_in_words(one)) for one in view.days]),
        days=dossier.DAYS,
        most_alerts=_ALERTS,
    )


@router.get("/api/counterparties/{counterparty_id:path}")
def counterparty(counterparty_id: str, stores: StoresDep) -> CounterpartyView:
    """The same for programs."""
    now = datetime.now(UTC)
    rows = of_counterparty(stores, counterparty_id, _ALERTS)
    totals = stores.past.daily_totals(
        "counterparty", counterparty_id, now - timedelta(days=dossier.DAYS), now
    )
    return CounterpartyView(
        counterparty_id=counterparty_id,
        totals=TotalsView.of(stores.past.running_total("counterparty", counterparty_id)),
        days=tuple(
            Day(day=one.period_start, count=one.count, total=one.total, maximum=one.maximum)
            for one in totals
            if one.period_start is not None
        ),
        alerts=rows,
        dispositions=dict(Counter(row.status for row in rows)),
        accounts=_accounts(rows),
    )


def _day_in_words(one: Day) -> str:
    return f"{one.day:%Y-%m-%d}: {number(one.total, 2)} in {one.count} transaction{'' if one.count == 1 else 's'}"


def _accounts(rows: tuple[AlertRow, ...]) -> tuple[dossier.Partner, ...]:
    by_account: dict[str, list[AlertRow]] = defaultdict(list)
    for row in rows:
        by_account[row.account_id].append(row)
    found = [
        dossier.Partner(
            key=key,
            count=len(ones),
            total=sum((one.amount for one in ones), Decimal()),
            currency=ones[0].currency,
            last_at=max(one.raised_at for one in ones),
        )
        for key, ones in by_account.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.count, -one.total, one.key)))
