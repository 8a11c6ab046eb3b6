"""A delivery: one alert, or one digest of alerts, on its way to one recipient over one channel."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from include.alerts.alert import NAMESPACE

#: Who a delivery is written for; picks the template.
STAFF = "staff"
CUSTOMER = "customer"
ESCALATION = "escalation"
DIGEST = "digest"

_NEVER = datetime.max.replace(tzinfo=UTC)


class DeliveryState(StrEnum):
    """Where a delivery is in its life.

    PENDING → SENDING → DELIVERED, or back to PENDING, or DEAD; a person may send a DEAD one again. In a
    storm PENDING → DIGESTED: told in a digest, which is a delivery of its own, instead of alone.
    """

    PENDING = "PENDING"
    SENDING = "SENDING"
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"
    DIGESTED = "DIGESTED"


def delivery_id_for(alert_id: uuid.UUID, channel: str, recipient: str, purpose: str = "") -> uuid.UUID:
    """Id of the one delivery of an alert to a recipient on a channel.

    Parameters
    ----------
    purpose
        What tells it from the ordinary one, such as ``escalation``; none for the ordinary one.
    """
    suffix = f":{purpose}" if purpose else ""
    return uuid.uuid5(NAMESPACE, f"delivery:{alert_id}:{channel}:{recipient}{suffix}")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One alert, one channel, one recipient; delivered at most once."""

    delivery_id: uuid.UUID
    alert_id: uuid.UUID  # of a digest: the digest's own id
    channel: str  # "email", "sms", "slack" or "webhook"
    recipient: str  # the channel's address
    audience: str  # "staff", "customer", "escalation" or "digest": picks the template
    language: str  # ISO 639-1
    created_at: datetime
    arrived_at: datetime  # of the transaction at the broker: latency is measured from here
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    next_attempt_at: datetime | None = None
    last_error: str | None = None
    delivered_at: datetime | None = None
    provider_id: str | None = None  # the vendor's id of the message
    digest_id: uuid.UUID | None = None  # DIGESTED: the digest that tells of the alert
    forgiven: int = 0  # attempts when a person last sent it again: they count no more

    @property
    def tries(self) -> int:
        """Attempts since it was made, or since a person last sent it again."""
        return self.attempts - self.forgiven

    @property
    def is_held(self) -> bool:
        """Whether it waits on purpose, not after a failure: for quiet hours to end, or as escalation or digest."""
        return self.state is DeliveryState.PENDING and self.attempts == 0 and self.next_attempt_at is not None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a delivery stands in the list of all, newest first: where the next page goes on."""

    created_at: datetime
    delivery_id: uuid.UUID

    @classmethod
    def of(cls, delivery: Delivery) -> Place:
        """Place of one delivery."""
        return cls(delivery.created_at, delivery.delivery_id)

    def precedes(self, delivery: Delivery) -> bool:
        """Whether ``delivery`` stands behind this place."""
        return place_key(self) < place_key(delivery)


def place_key(of: Place | Delivery) -> tuple[timedelta, uuid.UUID]:
    """Sort key of the list of all: the newest first, by id where the moment is the same."""
    return _NEVER - of.created_at, of.delivery_id


def by_age(of: Delivery) -> tuple[datetime, uuid.UUID]:
    """Sort key: by the moment it was made, by id where that is the same."""
    return of.created_at, of.delivery_id
