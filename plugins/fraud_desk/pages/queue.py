"""The queue: what to work on next, and doing the same to many alerts."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import AwareDatetime, BaseModel

from include.alerts.alert import Severity
from include.cases.case import Status, Worklist
from include.cases.queue import Ordering, QueueEntry
from plugins.fraud_desk.access import Viewer
from plugins.fraud_desk.asking import EVERYTHING, AskedDep
from plugins.fraud_desk.bank import StoresDep
from plugins.fraud_desk.rendering import page
from plugins.fraud_desk.rows import AlertRow, rows_of

router = APIRouter()

#: Typologies the filter offers; any other can be asked for by its name in the address.
TYPOLOGIES = (
    "account_takeover", "card_testing", "compromised_merchant", "dormant_account", "impossible_travel",
    "large_amount", "mule_account", "structuring", "unknown",
)  # fmt: skip
#: More new alerts than this are told as "100 and more".
MOST_NEWS = 100


class QueueView(BaseModel):
    """A page of the queue."""

    rows: tuple[AlertRow, ...]
    next_after: str | None
    at: datetime  # when it was asked


class News(BaseModel):
    """Alerts that have come since a page was asked for."""

    count: int
    more: bool  # there are more than that


@router.get("/queue", response_class=HTMLResponse)
def queue_page(request: Request, asked: AskedDep, stores: StoresDep, person: Viewer) -> HTMLResponse:
    """The page."""
    return page(
        request,
        "queue.html",
        section="queue",
        view=queue(asked, stores, person),
        asked=asked,
        lists=[*Worklist, EVERYTHING],
        statuses=list(Status),
        severities=list(Severity)[::-1],
        typologies=TYPOLOGIES,
        orders=list(Ordering),
    )


@router.get("/api/queue")
def queue(asked: AskedDep, stores: StoresDep, person: Viewer) -> QueueView:
    """A page of rows, by the parameters the page's own address has."""
    now = datetime.now(UTC)
    found = stores.queue.page(asked.query(person.name, now))
    return QueueView(rows=rows_of(stores, found.entries), next_after=found.next_after, at=now)


@router.get("/api/queue/news")
def news(asked: AskedDep, stores: StoresDep, person: Viewer, seen: AwareDatetime = Query()) -> News:  # noqa: B008
    """How many alerts raised after ``seen`` answer the same question."""
    now = datetime.now(UTC)
    query = replace(asked, sort=Ordering.NEWEST, after="").query(person.name, now, MOST_NEWS)
    if seen >= query.until:
        return News(count=0, more=False)
    found = stores.queue.page(replace(query, since=max(seen, query.since)))
    return News(count=len(found.entries), more=found.next_after is not None)


@router.get("/queue/next/{alert_id}")
def next_alert(
    alert_id: uuid.UUID, request: Request, asked: AskedDep, stores: StoresDep, person: Viewer
) -> RedirectResponse:
    """Leads to the alert after this one in the queue of the address, or to the queue where that ends."""
    root = request.scope.get("root_path", "")
    address = replace(asked, after="").address()
    alert = stores.alerts.get(alert_id)
    if alert is not None:
        entry = QueueEntry.of(alert, stores.casework.current([alert_id])[alert_id])
        after = replace(asked, after=entry.position(asked.sort))
        found = stores.queue.page(after.query(person.name, datetime.now(UTC), 1))
        if found.entries:
            return RedirectResponse(f"{root}/alerts/{found.entries[0].alert_id}{address}", 303)
    return RedirectResponse(f"{root}/queue{address}", 303)
