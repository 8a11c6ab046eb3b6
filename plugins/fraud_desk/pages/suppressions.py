"""Suppressions: who asked not to be told of what, until when and why; new ones, and lifting them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from include.cases.suppressions import Scope, Suppression, suppress
from include.reports.csv_export import SUPPRESSION_COLUMNS
from plugins.fraud_desk.access import Analyst
from plugins.fraud_desk.bank import StoresDep
from plugins.fraud_desk.rendering import page
from plugins.fraud_desk.taking_out import Taker, taken_out

router = APIRouter()


class NewSuppression(BaseModel):
    """What somebody asks for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scope: Scope
    value: str = Field(min_length=1, max_length=128)
    reason: str = Field(min_length=1, max_length=1000)
    minutes: int = Field(gt=0, le=30 * 24 * 60)


class SuppressionView(BaseModel):
    """One suppression."""

    suppression_id: uuid.UUID
    scope: Scope
    value: str
    reason: str
    author: str
    created_at: datetime
    until: datetime
    lifted_at: datetime | None
    lifted_by: str | None
    active: bool

    @classmethod
    def of(cls, one: Suppression, now: datetime) -> SuppressionView:
        """As it stands at a time."""
        return cls(
            suppression_id=one.suppression_id,
            scope=one.scope,
            value=one.value,
            reason=one.reason,
            author=one.author,
            created_at=one.created_at,
            until=one.until,
            lifted_at=one.lifted_at,
            lifted_by=one.lifted_by,
            active=one.active(now),
        )


class Suppressions(BaseModel):
    """All that are kept: those that hold, the next to end first, then the others, the newest first."""

    active: list[SuppressionView]
    over: list[SuppressionView]


@router.get("/suppressions", response_class=HTMLResponse)
def suppressions_page(request: Request, stores: StoresDep) -> HTMLResponse:
    """The page."""
    return page(
        request,
        "suppressions.html",
        section="suppressions",
        view=suppressions(stores),
        scopes=list(Scope),
        title="Suppressions",
    )


@router.get("/api/suppressions")
def suppressions(stores: StoresDep) -> Suppressions:
    """The same for programs."""
    now = datetime.now(UTC)
    views = [SuppressionView.of(one, now) for one in stores.suppressions.all()]
    return Suppressions(
        active=sorted((one for one in views if one.active), key=lambda one: one.until),
        over=[one for one in views if not one.active],
    )


@router.get("/suppressions.csv")
def suppressions_csv(stores: StoresDep, person: Taker) -> Response:
    """All that are kept as a file, the newest first."""
    found = sorted(stores.suppressions.all(), key=lambda one: one.created_at, reverse=True)
    return taken_out(stores.audit, person, "suppressions", {}, found, SUPPRESSION_COLUMNS, "suppressions.csv")


@router.post("/api/suppressions", status_code=201)
def add(asked: NewSuppression, stores: StoresDep, person: Analyst) -> SuppressionView:
    """Suppress something from now on; alerts of it are still raised and kept."""
    now = datetime.now(UTC)
    until = now + timedelta(minutes=asked.minutes)
    one = suppress(asked.scope, asked.value.strip(), asked.reason, person.name, until, now)
    stores.audit.suppression(one)  # first: nothing is kept from people without a trace
    stores.suppressions.put(one)
    return SuppressionView.of(one, now)


@router.post("/api/suppressions/{suppression_id}/lift")
def lift(suppression_id: uuid.UUID, stores: StoresDep, person: Analyst) -> SuppressionView:
    """End one now; 422 if it is over already."""
    now = datetime.now(UTC)
    found = [one for one in stores.suppressions.all() if one.suppression_id == suppression_id]
    if not found:
        raise HTTPException(404)
    lifted = found[0].lifted(person.name, now)
    stores.audit.suppression(lifted)  # first, as above: a second try leaves the same record once
    stores.suppressions.put(lifted)
    return SuppressionView.of(lifted, now)
