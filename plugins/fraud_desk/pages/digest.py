"""Alerts that one digest told of, as they stand now; the digest's message leads here."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from include.cases.errors import NoSuchAlert
from plugins.fraud_desk.bank import Stores, StoresDep
from plugins.fraud_desk.deliveries import DeliveryRow
from plugins.fraud_desk.rendering import page
from plugins.fraud_desk.rows import AlertRow, rows_of_alerts

router = APIRouter()

PAGE = 100
#: Numbers of pages that are understood; a digest has fewer.
_MOST_PAGES = 10_000

PageNumber = Annotated[int, Query(ge=1, le=_MOST_PAGES)]


class DigestView(BaseModel):
    """A page of a digest.

    Attributes
    ----------
    told
        How many alerts it stands for.
    unknown
        Of those on this page, how many are not kept any more.
    rows
        The others, the first to arrive first.
    delivery
        The digest's own message; None if it is not kept any more.
    """

    digest_id: uuid.UUID
    told: int
    page: int
    pages: int
    unknown: int
    rows: tuple[AlertRow, ...]
    delivery: DeliveryRow | None


@router.get("/digests/{digest_id}", response_class=HTMLResponse)
def digest_page(
    digest_id: uuid.UUID, request: Request, stores: StoresDep, number: PageNumber = 1
) -> HTMLResponse:
    """The page."""
    return page(request, "digest.html", section="deliveries", view=_view(stores, digest_id, number))


@router.get("/api/digests/{digest_id}")
def digest(digest_id: uuid.UUID, stores: StoresDep, number: PageNumber = 1) -> DigestView:
    """The same for programs."""
    return _view(stores, digest_id, number)


def _view(stores: Stores, digest_id: uuid.UUID, number: int) -> DigestView:
    members = list(dict.fromkeys(one.alert_id for one in stores.outbox.digest_members(digest_id)))
    own = stores.outbox.of_alert(digest_id)
    if not (members or own):
        raise NoSuchAlert(f"expected a digest {digest_id}, there is none, or it is not kept any more")
    pages = max(1, -(-len(members) // PAGE))
    if number > pages:
        raise NoSuchAlert(f"expected page 1 to {pages} of digest {digest_id}, got page {number}")
    shown = members[(number - 1) * PAGE : number * PAGE]
    alerts = stores.alerts.get_many(shown)
    return DigestView(
        digest_id=digest_id,
        told=len(members),
        page=number,
        pages=pages,
        unknown=len(shown) - len(alerts),
        rows=rows_of_alerts(stores, [alerts[one] for one in shown if one in alerts]),
        delivery=DeliveryRow.of(own[0]) if own else None,
    )
