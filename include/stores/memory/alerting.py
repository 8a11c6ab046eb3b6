"""Alerts and outbox in memory: for tests, back-tests and runs without Cassandra."""

from __future__ import annotations

import dataclasses
import logging
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from threading import Lock
from typing import Any

from include.alerts.alert import Alert
from include.alerts.delivery import Delivery, DeliveryState, Place, by_age, place_key
from include.alerts.limits import SentKey, minutes_lately

log = logging.getLogger(__name__)


class MemoryAlertStore:
    """Alerts by id. Idempotent because an alert is addressed by its id alone."""

    def __init__(self) -> None:
        self._alerts: dict[uuid.UUID, Alert] = {}

    def put(self, alerts: Sequence[Alert]) -> None:
        """Upsert alerts by their deterministic id."""
        self._alerts |= {alert.alert_id: alert for alert in alerts}

    def get(self, alert_id: uuid.UUID) -> Alert | None:
        """One alert, or None."""
        return self._alerts.get(alert_id)

    def get_many(self, alert_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Alert]:
        """Alerts by id; those not stored are left out."""
        return {key: self._alerts[key] for key in alert_ids if key in self._alerts}

    def by_day(self, day: date, limit: int = 1000) -> list[Alert]:
        """Alerts raised on a UTC day, newest first."""
        return _newest((a for a in self._alerts.values() if a.raised_at.astimezone(UTC).date() == day), limit)

    def by_account(self, account_id: str, limit: int = 100) -> list[Alert]:
        """Alerts of an account, newest first."""
        return _newest((a for a in self._alerts.values() if a.account_id == account_id), limit)


class MemoryOutboxStore:
    """Deliveries by id; a lock makes each change a compare-and-set.

    (state, attempts) of a delivery is the version it is in, and never comes twice: PENDING 0, SENDING 1,
    PENDING 1, SENDING 2, …; DEAD n may become PENDING n, PENDING 0 DIGESTED 0. Every
    change names the version it expects.
    """

    def __init__(self) -> None:
        self._rows: dict[uuid.UUID, Delivery] = {}
        self._digests: dict[uuid.UUID, dict[uuid.UUID, tuple[uuid.UUID, ...]]] = {}
        self._sealed: set[uuid.UUID] = set()
        self._sent: dict[uuid.UUID, dict[SentKey, int]] = {}
        self._lock = Lock()

    @property
    def rows(self) -> dict[uuid.UUID, Delivery]:
        """A copy of everything."""
        return dict(self._rows)

    def enqueue(self, deliveries: Sequence[Delivery]) -> None:
        """Add deliveries that are not there yet; one that exists keeps its state, so again changes nothing."""
        with self._lock:
            for delivery in deliveries:
                self._rows.setdefault(delivery.delivery_id, delivery)

    def due(self, now: datetime, limit: int = 500, without: Collection[str] = ()) -> list[Delivery]:
        """Deliveries that may be claimed, those due longest first."""
        with self._lock:
            due = [row for row in self._rows.values() if _is_due(row, now) and row.channel not in without]
        return sorted(due, key=lambda row: (_due_from(row), row.delivery_id))[:limit]

    def claim(self, delivery: Delivery, now: datetime, lease_seconds: float) -> Delivery | None:
        """Take a due delivery; None if somebody else has it. See ``OutboxStore.claim``."""
        with self._lock:
            row = self._rows.get(delivery.delivery_id)
            if row is None or _version(row) != _version(delivery) or not _is_due(row, now):
                return None
            until = now + timedelta(seconds=lease_seconds)
            return self._set(
                row, state=DeliveryState.SENDING, attempts=row.attempts + 1, next_attempt_at=until
            )

    def delivered(self, delivery: Delivery, at: datetime, provider_id: str | None) -> None:
        """Record that the vendor has taken the message over; dropped if the claim has been lost."""
        self._finish(delivery, state=DeliveryState.DELIVERED, delivered_at=at, provider_id=provider_id)

    def failed(self, delivery: Delivery, error: str, next_attempt_at: datetime) -> None:
        """Record a failed attempt that is to be repeated; dropped if the claim has been lost."""
        self._finish(delivery, state=DeliveryState.PENDING, last_error=error, next_attempt_at=next_attempt_at)

    def dead(self, delivery: Delivery, error: str, at: datetime) -> None:
        """Give up on a delivery; dropped if the claim has been lost."""
        self._finish(delivery, state=DeliveryState.DEAD, last_error=error)

    def get_many(self, delivery_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Delivery]:
        """Deliveries by id; those not stored are left out."""
        return {key: self._rows[key] for key in delivery_ids if key in self._rows}

    def counts(self) -> dict[DeliveryState, int]:
        """Number of deliveries in each state."""
        with self._lock:
            counter = Counter(row.state for row in self._rows.values())
        return {state: counter[state] for state in DeliveryState}

    def dead_again(self, delivery: Delivery, at: datetime) -> bool:
        """Send a DEAD delivery again; False if it is not DEAD in the version given."""
        with self._lock:
            row = self._rows.get(delivery.delivery_id)
            if row is None or not _version(row) == _version(delivery) == (DeliveryState.DEAD, row.attempts):
                return False
            self._set(row, state=DeliveryState.PENDING, next_attempt_at=at, forgiven=row.attempts)
            return True

    def add_to_digest(
        self, digest_id: uuid.UUID, part: uuid.UUID, candidates: Sequence[uuid.UUID], at_most: int
    ) -> bool:
        """Note deliveries a digest may tell of; idempotent by ``part``. See ``OutboxStore.add_to_digest``."""
        with self._lock:
            parts = self._digests.setdefault(digest_id, {})
            others = sum(len(ids) for name, ids in parts.items() if name != part)
            if digest_id in self._sealed or (others and others + len(candidates) > at_most):
                return False
            parts[part] = tuple(candidates)
            return True

    def seal_digest(self, digest_id: uuid.UUID) -> list[uuid.UUID]:
        """Let nothing more be added to a digest, and return its candidates."""
        with self._lock:
            self._sealed.add(digest_id)
            return self._candidates(digest_id)

    def fold(self, delivery_ids: Sequence[uuid.UUID], digest_id: uuid.UUID) -> int:
        """Bring those that are PENDING with 0 attempts to DIGESTED; the others stay as they are."""
        with self._lock:
            rows = [self._rows[key] for key in dict.fromkeys(delivery_ids) if key in self._rows]
            new = [row for row in rows if _version(row) == (DeliveryState.PENDING, 0)]
            for row in new:
                self._set(row, state=DeliveryState.DIGESTED, digest_id=digest_id)
            return len(new)

    def digest_members(self, digest_id: uuid.UUID) -> list[Delivery]:
        """Deliveries that are DIGESTED under ``digest_id``, oldest first."""
        with self._lock:
            rows = [self._rows[key] for key in self._candidates(digest_id) if key in self._rows]
        return sorted((row for row in rows if row.digest_id == digest_id), key=by_age)

    def note_sent(self, run_id: uuid.UUID, sent: Mapping[SentKey, int]) -> None:
        """Record what a run has sent; addressed by the run, so again changes nothing."""
        with self._lock:
            self._sent.setdefault(run_id, {}).update(sent)

    def sent_lately(self, now: datetime) -> dict[SentKey, int]:
        """What all runs have sent in the minute of ``now`` and in the one before."""
        minutes = minutes_lately(now)
        counter: Counter[SentKey] = Counter()
        with self._lock:
            for sent in self._sent.values():
                counter.update({key: count for key, count in sent.items() if key.minute in minutes})
        return dict(counter)

    def of_alert(self, alert_id: uuid.UUID) -> list[Delivery]:
        """Deliveries of one alert, by the moment they were made and by id."""
        with self._lock:
            return sorted((row for row in self._rows.values() if row.alert_id == alert_id), key=by_age)

    def recent(
        self,
        limit: int,
        state: DeliveryState | None = None,
        channel: str | None = None,
        after: Place | None = None,
    ) -> list[Delivery]:
        """Deliveries, the newest first; see ``OutboxStore.recent``."""
        with self._lock:
            rows = [
                row
                for row in self._rows.values()
                if (state is None or row.state is state)
                and (channel is None or row.channel == channel)
                and (after is None or after.precedes(row))
            ]
        return sorted(rows, key=place_key)[:limit]

    def _candidates(self, digest_id: uuid.UUID) -> list[uuid.UUID]:
        parts = self._digests.get(digest_id, {}).values()
        return list(dict.fromkeys(key for ids in parts for key in ids))

    def _finish(self, delivery: Delivery, **changes: Any) -> None:
        with self._lock:
            row = self._rows.get(delivery.delivery_id)
            if row is not None and _version(row) == (DeliveryState.SENDING, delivery.attempts):
                self._set(row, **changes)
                return
        log.warning(
            "delivery %s: attempt %d ended after its claim had been lost; what became of it stands",
            delivery.delivery_id,
            delivery.attempts,
        )

    def _set(self, row: Delivery, **changes: Any) -> Delivery:
        changed = dataclasses.replace(row, **changes)
        self._rows[row.delivery_id] = changed
        return changed


def _newest(alerts: Iterable[Alert], limit: int) -> list[Alert]:
    by_id = sorted(alerts, key=lambda alert: alert.alert_id)
    return sorted(by_id, key=lambda alert: alert.raised_at, reverse=True)[:limit]


def _version(row: Delivery) -> tuple[DeliveryState, int]:
    return row.state, row.attempts


def _due_from(row: Delivery) -> datetime:
    return row.next_attempt_at or row.arrived_at


def _is_due(row: Delivery, now: datetime) -> bool:
    return row.state in (DeliveryState.PENDING, DeliveryState.SENDING) and _due_from(row) <= now
