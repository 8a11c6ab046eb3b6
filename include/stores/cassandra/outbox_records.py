"""What the outbox table holds: its columns, the delivery in a row, and the hint that leads to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cassandra.query import UNSET_VALUE

from include.alerts.delivery import Delivery, DeliveryState
from include.stores.cassandra.clock import join_optional, split, split_optional
from include.stores.cassandra.outbox_hints import Hint

_PLAIN = (
    "delivery_id",
    "alert_id",
    "channel",
    "recipient",
    "audience",
    "language",
    "attempts",
    "last_error",
    "provider_id",
    "digest_id",
    "forgiven",
)
_TIMES = ("created_at", "arrived_at", "next_attempt_at", "delivered_at")
#: Columns of ``outbox`` that a delivery is made of, and those that are made of it.
COLUMNS = (
    *_PLAIN,
    "state",
    "due_at",
    "hint_at",
    "hint_attempts",
    *_TIMES,
    *(f"{name}_us" for name in _TIMES),
)

_OPEN = (DeliveryState.PENDING, DeliveryState.SENDING)


@dataclass(frozen=True, slots=True)
class Truth:
    """A row of ``outbox``."""

    delivery: Delivery | None  # None for what is left of one whose time to live is over
    hint: Hint | None  # the one that leads to it while it is open

    def is_past(self, hint: Hint) -> bool:
        """Whether the delivery can never again be in the version the hint is for, nor needs it now."""
        if self.delivery is None:
            return True
        if self.delivery.state is DeliveryState.DEAD:
            # One of as many attempts comes from a person who is about to send it again.
            return hint.attempts < self.delivery.attempts
        if self.delivery.state not in _OPEN:
            return True
        if hint == self.hint or hint.attempts > self.delivery.attempts:
            return False
        # While it is SENDING, a hint of as many attempts may be one that its holder is writing for the next.
        return hint.attempts < self.delivery.attempts or self.delivery.state is DeliveryState.PENDING


def due_from(delivery: Delivery) -> datetime:
    """When its next attempt may begin, or its claim ends."""
    return delivery.next_attempt_at or delivery.arrived_at


def is_due(delivery: Delivery, now: datetime) -> bool:
    """Whether it may be claimed, as far as this record of it tells."""
    return delivery.state in _OPEN and due_from(delivery) <= now


def hint_of(delivery: Delivery) -> Hint:
    """The hint that leads to a PENDING delivery."""
    return Hint(split(due_from(delivery))[0], delivery.delivery_id, delivery.attempts)


def time_columns(name: str, moment: datetime | None) -> dict[str, Any]:
    """A time as the two columns that hold it."""
    return dict(zip((name, f"{name}_us"), split_optional(moment), strict=True))


def row_of(delivery: Delivery) -> list[Any]:
    """Values in the order of ``COLUMNS``."""
    hint = hint_of(delivery)
    values = {name: getattr(delivery, name) for name in _PLAIN}
    for name in _TIMES:
        values |= time_columns(name, getattr(delivery, name))
    values |= {"state": delivery.state.value, "due_at": hint.due_at}
    values |= {"hint_at": hint.due_at, "hint_attempts": hint.attempts}
    return [UNSET_VALUE if values[name] is None else values[name] for name in COLUMNS]


def truth_from(row: Sequence[Any]) -> Truth:
    """Record of a row in the order of ``COLUMNS``."""
    values = dict(zip(COLUMNS, row, strict=True))
    if values["alert_id"] is None:
        return Truth(None, None)
    hint_at, hint_attempts = values.pop("hint_at"), values.pop("hint_attempts")
    del values["due_at"]
    for name in _TIMES:
        values[name] = join_optional(values[name], values.pop(f"{name}_us"))
    values["state"] = DeliveryState(values["state"])
    values["forgiven"] = values["forgiven"] or 0  # rows from before the column have none
    delivery = Delivery(**values)
    return Truth(delivery, Hint(hint_at.replace(tzinfo=UTC), delivery.delivery_id, hint_attempts))
