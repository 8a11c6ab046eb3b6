"""Search: an alert's id or reference, a transaction, an account, a counterparty; one hit leads straight there."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from itertools import islice

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from include.alerts.alert import alert_id_for
from include.alerts.message import alert_reference
from include.cases.paging import every_page
from include.cases.queue import Ordering, QueueQuery, usual_span
from plugins.fraud_desk.bank import Stores, StoresDep
from plugins.fraud_desk.rendering import page, segment

router = APIRouter()

_REFERENCE = re.compile(r"[0-9A-Fa-f]{8}")
#: A reference is looked for among so many of the newest alerts, a page at a time.
_LOOKED_THROUGH, _PAGE = 5_000, 500


class Hit(BaseModel):
    """Something that was found."""

    kind: str
    name: str
    path: str  # below the desk's prefix


class Found(BaseModel):
    """What was found."""

    hits: list[Hit]


@router.get("/search")
def search_page(request: Request, stores: StoresDep, q: str = Query("", max_length=200)) -> Response:
    """The page, or what was looked for if it is one thing."""
    found = search(stores, q)
    if len(found.hits) == 1:
        return RedirectResponse(f"{request.scope.get('root_path', '')}{found.hits[0].path}", 303)
    return page(request, "search.html", asked=q.strip(), hits=found.hits, looked=_LOOKED_THROUGH)


@router.get("/api/search")
def search(stores: StoresDep, q: str = Query("", max_length=200)) -> Found:
    """The same for programs."""
    text = q.strip()
    if not text:
        return Found(hits=[])
    return Found(hits=[*_alerts(stores, text), *_others(stores, text)])


def _alerts(stores: Stores, text: str) -> list[Hit]:
    ids = [alert_id_for(text)]
    try:
        ids.append(uuid.UUID(text))
    except ValueError:
        if _REFERENCE.fullmatch(text):
            ids += _of_reference(stores, text.upper())
    found = stores.alerts.get_many(ids)
    return [
        Hit(kind="alert", name=f"{alert_reference(one)} ({alert.transaction_id})", path=f"/alerts/{one}")
        for one, alert in found.items()
    ]


def _of_reference(stores: Stores, reference: str) -> list[uuid.UUID]:
    since, until = usual_span(datetime.now(UTC))
    query = QueueQuery(since, until, Ordering.NEWEST, worklist=None, limit=_PAGE)
    for some in islice(every_page(stores.queue, query), _LOOKED_THROUGH // _PAGE):
        if hits := [one.alert_id for one in some if alert_reference(one.alert_id) == reference]:
            return hits
    return []


def _others(stores: Stores, text: str) -> list[Hit]:
    hits = []
    stored = stores.past.transaction(text)
    if stored is not None:
        path = f"/accounts/{segment(stored.account_id)}"
        hits.append(Hit(kind="account of the transaction", name=stored.account_id, path=path))
    compact = "".join(text.split())
    for key in dict.fromkeys((text, compact)):
        if stores.past.running_total("account", key) or stores.alerts.by_account(key, 1):
            hits.append(Hit(kind="account", name=key, path=f"/accounts/{segment(key)}"))
        if stores.past.running_total("counterparty", key):
            hits.append(Hit(kind="counterparty", name=key, path=f"/counterparties/{segment(key)}"))
    return hits
