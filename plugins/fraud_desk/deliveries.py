"""Deliveries as the desk shows them: addresses masked, errors without what they may quote."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from include.alerts.delivery import Delivery, DeliveryState
from include.alerts.delivery_masking import shown_error, shown_recipient
from include.stores.ports import OutboxStore


class DeliveryRow(BaseModel):
    """A delivery in a list.

    Attributes
    ----------
    recipient
        Of a customer, and of any link that may hold a key, never the whole.
    """

    model_config = ConfigDict(frozen=True)

    delivery_id: uuid.UUID
    alert_id: uuid.UUID
    channel: str
    recipient: str
    audience: str
    state: DeliveryState
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    last_error: str | None
    provider_id: str | None
    digest_id: uuid.UUID | None

    @classmethod
    def of(cls, delivery: Delivery) -> DeliveryRow:
        """The row of a delivery."""
        return cls(
            delivery_id=delivery.delivery_id,
            alert_id=delivery.alert_id,
            channel=delivery.channel,
            recipient=shown_recipient(delivery),
            audience=delivery.audience,
            state=delivery.state,
            attempts=delivery.attempts,
            created_at=delivery.created_at,
            next_attempt_at=delivery.next_attempt_at,
            delivered_at=delivery.delivered_at,
            last_error=shown_error(delivery),
            provider_id=delivery.provider_id,
            digest_id=delivery.digest_id,
        )


def deliveries_of(outbox: OutboxStore, alert_id: uuid.UUID) -> tuple[DeliveryRow, ...]:
    """The deliveries of an alert, for ``deliveries_of_alert.html``."""
    return rows(outbox.of_alert(alert_id))


def rows(deliveries: Iterable[Delivery]) -> tuple[DeliveryRow, ...]:
    """Rows of deliveries, in their order."""
    return tuple(map(DeliveryRow.of, deliveries))
