"""A delivery: one alert on its way to one recipient over one channel."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from include.alerts.alert import NAMESPACE


class DeliveryState(StrEnum):
    """Where a delivery is in its life: PENDING → SENDING → DELIVERED, or back to PENDING, or DEAD."""

    PENDING = "PENDING"
    SENDING = "SENDING"
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"


def delivery_id_for(alert_id: uuid.UUID, channel: str, recipient: str) -> uuid.UUID:
    """Id of the one delivery of an alert to a recipient on a channel."""
    return uuid.uuid5(NAMESPACE, f"delivery:{alert_id}:{channel}:{recipient}")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One alert, one channel, one recipient; delivered at most once."""

    delivery_id: uuid.UUID
    alert_id: uuid.UUID
    channel: str  # "email"
    recipient: str  # the channel's address
    audience: str  # "staff" or "customer": picks the template
    language: str  # ISO 639-1
    created_at: datetime
    arrived_at: datetime  # of the transaction at the broker: latency is measured from here
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    next_attempt_at: datetime | None = None
    last_error: str | None = None
    delivered_at: datetime | None = None
    provider_id: str | None = None  # the vendor's id of the message
