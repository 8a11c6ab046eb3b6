"""The overview: is everything flowing, and what waits for somebody."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from include.alerts.alert import Severity
from plugins.fraud_desk import charts
from plugins.fraud_desk.rendering import page
from plugins.fraud_desk.rows import AlertRow
from plugins.fraud_desk.watching import LATENCY_MINUTES, RATE_MINUTES, Look, Watch

router = APIRouter()


class IncidentView(BaseModel):
    """Something that is wrong."""

    key: str
    words: str
    since: datetime
    last_seen: datetime
    cleared_at: datetime | None


class Minute(BaseModel):
    """Alerts raised in a minute."""

    at: datetime
    alerts: int


class OverviewView(BaseModel):
    """Everything the page shows; times in seconds, amounts whatever the currency."""

    at: datetime
    transactions_per_second: float
    newest_batch_at: datetime | None
    lag: int | None
    waiting: dict[str, int]
    level: str | None
    without_history: int
    latency_p50: float | None
    latency_p95: float | None
    latency_alerts: int
    alerts_per_minute: list[Minute]
    value_at_risk: Decimal
    open_by_severity: dict[Severity, int]
    open_alerts: int
    unassigned: int
    escalated: int
    oldest_unassigned: AlertRow | None
    incidents: list[IncidentView]
    counted_at: datetime


def _look(request: Request) -> Look:
    return cast(Watch, request.app.state.watch).look()


LookDep = Annotated[Look, Depends(_look)]


@router.get("/", response_class=HTMLResponse)
def overview_page(request: Request, look: LookDep) -> HTMLResponse:
    """The page."""
    return page(
        request,
        "overview.html",
        section="overview",
        view=overview(look),
        rate=charts.columns(
            [(at, float(count), f"{at:%H:%M}: {count}") for at, count in look.newest.per_minute],
            640,
            170,
            "%H:%M",
        ),
        alerts_of_hour=sum(count for _, count in look.newest.per_minute),
        latency_minutes=LATENCY_MINUTES,
        rate_minutes=len(look.newest.per_minute),
        rate_since=look.newest.per_minute[0][0] if len(look.newest.per_minute) < RATE_MINUTES else None,
    )


@router.get("/api/overview")
def overview(look: LookDep) -> OverviewView:
    """The same for programs."""
    counted, oldest = look.counted, look.counted.oldest_unassigned
    return OverviewView(
        at=look.at,
        transactions_per_second=look.flow.per_second,
        newest_batch_at=look.flow.newest_batch_at,
        lag=look.flow.lag,
        waiting=dict(look.flow.waiting),
        level=look.flow.level,
        without_history=look.flow.without_history,
        latency_p50=look.newest.p50,
        latency_p95=look.newest.p95,
        latency_alerts=look.newest.measured,
        alerts_per_minute=[Minute(at=at, alerts=count) for at, count in look.newest.per_minute],
        value_at_risk=counted.amount_open,
        open_by_severity=counted.open_by_severity,
        open_alerts=sum(counted.open_by_severity.values()),
        unassigned=counted.unassigned,
        escalated=counted.escalated,
        oldest_unassigned=AlertRow.of(oldest) if oldest else None,
        incidents=[
            IncidentView(
                key=one.key,
                words=one.words,
                since=one.since,
                last_seen=one.last_seen,
                cleared_at=one.cleared_at,
            )
            for one in look.incidents
        ],
        counted_at=counted.at,
    )
