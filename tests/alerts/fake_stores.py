"""Alert store and outbox in a dictionary, as small as the tests of this folder allow."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from include.alerts.alert import Alert
from include.alerts.delivery import Delivery, DeliveryState


class FakeAlerts:
    def __init__(self, *alerts: Alert) -> None:
        self._alerts = {alert.alert_id: alert for alert in alerts}

    def put(self, alerts: Sequence[Alert]) -> None:
        self._alerts |= {alert.alert_id: alert for alert in alerts}

    def get(self, alert_id: uuid.UUID) -> Alert | None:
        return self._alerts.get(alert_id)


class FakeOutbox:
    def __init__(self) -> None:
        self.rows: dict[uuid.UUID, Delivery] = {}

    def enqueue(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self.rows.setdefault(delivery.delivery_id, delivery)

    def due(self, now: datetime, limit: int = 500) -> list[Delivery]:
        return [row for row in self.rows.values() if self._is_due(row, now)][:limit]

    def claim(self, delivery: Delivery, now: datetime, lease_seconds: float) -> Delivery | None:
        row = self.rows[delivery.delivery_id]
        if not self._is_due(row, now) or row.attempts != delivery.attempts:
            return None
        until = now + timedelta(seconds=lease_seconds)
        return self._set(row, state=DeliveryState.SENDING, attempts=row.attempts + 1, next_attempt_at=until)

    def delivered(self, delivery: Delivery, at: datetime, provider_id: str | None) -> None:
        self._set(delivery, state=DeliveryState.DELIVERED, delivered_at=at, provider_id=provider_id)

    def failed(self, delivery: Delivery, error: str, next_attempt_at: datetime) -> None:
        self._set(delivery, state=DeliveryState.PENDING, last_error=error, next_attempt_at=next_attempt_at)

    def dead(self, delivery: Delivery, error: str, at: datetime) -> None:
        self._set(delivery, state=DeliveryState.DEAD, last_error=error)

    def counts(self) -> dict[DeliveryState, int]:
        states = [row.state for row in self.rows.values()]
        return {state: states.count(state) for state in DeliveryState}

    def _is_due(self, row: Delivery, now: datetime) -> bool:
        waits = row.state in (DeliveryState.PENDING, DeliveryState.SENDING)
        return waits and (row.next_attempt_at is None or row.next_attempt_at <= now)

    def _set(self, row: Delivery, **changes: object) -> Delivery:
        changed = dataclasses.replace(row, **changes)  # type: ignore[arg-type]
        self.rows[row.delivery_id] = changed
        return changed
