"""Deliveries: what was told to whom, what was not, and sending again what was given up."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Literal, get_args

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict

from include.alerts.delivery import DeliveryState, Place
from include.reports.csv_export import DELIVERY_COLUMNS
from include.stores.ports import OutboxStore
from plugins.fraud_desk.access import Approver
from plugins.fraud_desk.bank import StoresDep
from plugins.fraud_desk.deliveries import DeliveryRow, deliveries_of, rows
from plugins.fraud_desk.rendering import page
from plugins.fraud_desk.taking_out import Taker, taken_out

router = APIRouter()

PAGE = 50
#: Deliveries that are sent again at one request.
MOST_AGAIN = 200
ChannelName = Literal["email", "sms", "slack", "webhook"]
CHANNELS = get_args(ChannelName)


class Asked(BaseModel):
    """What the address asks for."""

    state: DeliveryState | None = None
    channel: str | None = None
    after: Place | None = None

    @property
    def filters(self) -> str:
        """As the address has them."""
        given = (("state", self.state), ("channel", self.channel))
        return "&".join(f"{name}={value}" for name, value in given if value)


class SentAgain(BaseModel):
    """What became of the wish to send a delivery again."""

    state: DeliveryState


class WantedAgain(BaseModel):
    """Of which channel what was given up is to be sent again."""

    model_config = ConfigDict(extra="forbid")

    channel: Literal["any"] | ChannelName


class AllSentAgain(BaseModel):
    """How many will be sent again, and whether there may be more."""

    sent_again: int
    more: bool


def _asked(state: str = "", channel: str = "", after: str = "") -> Asked:
    """What is no state, channel or place is answered by all of them, from the newest on."""
    return Asked(
        state=DeliveryState(state) if state in list(DeliveryState) else None,
        channel=channel if channel in CHANNELS else None,
        after=place_of(after),
    )


AskedDep = Annotated[Asked, Depends(_asked)]


@router.get("/deliveries", response_class=HTMLResponse)
def deliveries_page(request: Request, asked: AskedDep, stores: StoresDep) -> HTMLResponse:
    """The list, the newest first."""
    # One more than is shown says whether there is another page.
    found = stores.outbox.recent(PAGE + 1, asked.state, asked.channel, asked.after)
    more = Place.of(found[PAGE - 1]) if len(found) > PAGE else None
    return page(
        request,
        "deliveries.html",
        section="deliveries",
        rows=rows(found[:PAGE]),
        asked=asked,
        states=list(DeliveryState),
        channels=CHANNELS,
        older=None if more is None else place_text(more),
    )


@router.get("/deliveries.csv")
def deliveries_csv(asked: AskedDep, stores: StoresDep, person: Taker) -> Response:
    """The same as a file, from the newest on; addresses masked as on the page."""
    detail, found = {"filters": asked.filters}, _all(stores.outbox, asked)
    return taken_out(stores.audit, person, "deliveries", detail, found, DELIVERY_COLUMNS, "deliveries.csv")


@router.get("/api/alerts/{alert_id}/deliveries")
def deliveries_of_alert(alert_id: uuid.UUID, stores: StoresDep) -> tuple[DeliveryRow, ...]:
    """The deliveries of an alert."""
    return deliveries_of(stores.outbox, alert_id)


@router.post("/api/deliveries/again")
def send_all_again(wanted: WantedAgain, stores: StoresDep, person: Approver) -> AllSentAgain:
    """Send the newest of a channel that were given up again, ``MOST_AGAIN`` at a time."""
    channel = None if wanted.channel == "any" else wanted.channel
    dead = stores.outbox.recent(MOST_AGAIN, DeliveryState.DEAD, channel)
    if not dead:
        return AllSentAgain(sent_again=0, more=False)
    now = datetime.now(UTC)
    detail = {"channel": wanted.channel, "deliveries": [str(one.delivery_id) for one in dead], "at": now}
    stores.audit.note("deliveries sent again", person.name, "deliveries", detail, f"again:{uuid.uuid4()}")
    done = sum(stores.outbox.dead_again(one, now) for one in dead)
    return AllSentAgain(sent_again=done, more=len(dead) == MOST_AGAIN)


@router.post("/api/deliveries/{delivery_id}/again")
def send_again(delivery_id: uuid.UUID, stores: StoresDep, person: Approver) -> SentAgain:
    """Send one that was given up again; 409 if it is not given up (any more)."""
    delivery = stores.outbox.get_many([delivery_id]).get(delivery_id)
    if delivery is None:
        raise HTTPException(404)
    detail = {"alert_id": str(delivery.alert_id), "channel": delivery.channel, "attempts": delivery.attempts}
    if delivery.state is not DeliveryState.DEAD:
        raise HTTPException(409)
    # On record first: a record of a wish that came to nothing does no harm, a mail nobody asked for does.
    key = f"delivery:{delivery_id}:{delivery.attempts}"
    stores.audit.note("delivery sent again", person.name, f"delivery {delivery_id}", detail, key)
    if not stores.outbox.dead_again(delivery, datetime.now(UTC)):
        raise HTTPException(409)
    return SentAgain(state=DeliveryState.PENDING)


def _all(outbox: OutboxStore, asked: Asked) -> Iterator[DeliveryRow]:
    after = asked.after
    while found := outbox.recent(500, asked.state, asked.channel, after):
        yield from rows(found)
        after = Place.of(found[-1])


def place_text(place: Place) -> str:
    """A place in the list as a text that may stand in an address."""
    return f"{place.created_at.astimezone(UTC):%Y%m%dT%H%M%S.%f}_{place.delivery_id}"


def place_of(text: str) -> Place | None:
    """Back from ``place_text``; None for a text that is none."""
    moment, _, delivery_id = text.partition("_")
    try:
        at = datetime.strptime(moment, "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
        return Place(at, uuid.UUID(delivery_id))
    except ValueError:
        return None
