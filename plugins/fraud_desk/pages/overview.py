"""The overview: is everything flowing, and what waits for somebody."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from plugins.fraud_desk.bank import StoresDep
from plugins.fraud_desk.rendering import page

router = APIRouter()


@router.get("/", response_class=HTMLResponse)
def overview_page(request: Request, stores: StoresDep) -> HTMLResponse:
    """The page."""
    return page(request, "overview.html", section="overview")
