"""One alert: why it was raised, what is around it, and what has been done about it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from include.alerts.alert import Alert
from include.cases.deadlines import DEADLINE
from include.cases.errors import NoSuchAlert
from include.cases.suppressions import Scope
from plugins.fraud_desk import charts, dossier
from plugins.fraud_desk.access import Viewer
from plugins.fraud_desk.alert_view import AlertView, told_reasons, view_of
from plugins.fraud_desk.asking import AskedDep
from plugins.fraud_desk.bank import Stores, StoresDep
from plugins.fraud_desk.colleagues import ColleaguesDep
from plugins.fraud_desk.deliveries import deliveries_of
from plugins.fraud_desk.rendering import page

router = APIRouter()

#: The timeline shows what led to the alert, and so much of what came after.
_AFTERWARDS = timedelta(days=2)


@router.get("/alerts/{alert_id}", response_class=HTMLResponse)
def alert_page(
    alert_id: uuid.UUID, request: Request, stores: StoresDep, asked: AskedDep, known: ColleaguesDep, _: Viewer
) -> HTMLResponse:
    """The page."""
    alert = _found(alert_id, stores)
    view = view_of(stores, alert)
    until = min(datetime.now(UTC), alert.occurred_at + _AFTERWARDS) + timedelta(minutes=1)
    past = dossier.history_of(stores, alert.account_id, until)
    others = {row.transaction_id: row.alert_id for row in (*view.of_account, *view.repeats)}
    partners = dossier.partners_of(past)
    return page(
        request,
        "alert.html",
        section="queue",
        view=view,
        asked=asked,
        why=told_reasons(alert),
        deadline=DEADLINE,
        bars=charts.contributions(alert.contributions, alert.features),
        timeline=dossier.timeline_of(
            past, others, until - timedelta(days=dossier.DAYS), until, alert.transaction_id
        ),
        transactions=len(past),
        most=dossier.MOST_TRANSACTIONS,
        days=dossier.DAYS,
        graph=dossier.graph_of(alert.account_id, partners, "counterparties", alert.counterparty_id),
        partners=partners,
        suppressible=_suppressible(alert),
        deliveries=deliveries_of(stores.outbox, alert_id),
        colleagues=sorted(known or ()),
    )


@router.get("/api/alerts/{alert_id}")
def alert(alert_id: uuid.UUID, stores: StoresDep) -> AlertView:
    """The same for programs."""
    return view_of(stores, _found(alert_id, stores))


def _found(alert_id: uuid.UUID, stores: Stores) -> Alert:
    found = stores.alerts.get(alert_id)
    if found is None:
        raise NoSuchAlert(f"expected an alert {alert_id}, there is none; look it up in the queue again")
    return found


def _suppressible(alert: Alert) -> list[tuple[Scope, str]]:
    """What of an alert may be suppressed. A rule only where it hit alone: else the other one still tells."""
    found = [(Scope.ACCOUNT, alert.account_id), (Scope.COUNTERPARTY, alert.counterparty_id)]
    found += [(Scope.RULE, rule) for rule in alert.rule_hits if len(alert.rule_hits) == 1]
    return [*found, (Scope.TYPOLOGY, alert.typology)]
