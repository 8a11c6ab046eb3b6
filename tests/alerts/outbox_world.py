"""The stores of the outbox's tests, a clock that is set by hand, and a vendor that does what it is told."""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import timedelta

from include.alerts.alert import Alert
from include.alerts.backoff import Backoff
from include.alerts.contacts import SimulatedCustomers
from include.alerts.delivery import Delivery, DeliveryState
from include.alerts.message import Message
from include.alerts.outbox import DeliverySummary, deliver_due, enqueue_alerts
from include.alerts.routing import Router, Routing, Tell
from include.alerts.routing_file import load_routing
from include.stores.memory.alerting import MemoryAlertStore, MemoryOutboxStore
from tests.alerts.examples import NOON, message


def by_mail() -> Routing:
    """The routing of the repository with everybody told by mail only: the worlds here have one channel."""
    routing = load_routing(environ={})
    rules = [
        dataclasses.replace(rule, tell=tuple(Tell(tell.audience) for tell in rule.tell))
        for rule in routing.rules
    ]
    return dataclasses.replace(routing, rules=tuple(rules))


ROUTER = Router(by_mail(), SimulatedCustomers())
HANDED_OVER = NOON + timedelta(seconds=3)


class Vendor:
    """A channel that does what ``behave`` says and remembers what it took over."""

    name = "email"

    def __init__(self, behave: Callable[[Message], None] = lambda message: None) -> None:
        self._behave = behave
        self.tried: list[str] = []
        self.taken: list[str] = []
        self.closed = 0

    def send(self, message: Message, attempt: int = 1) -> str | None:
        self.tried.append(message.message_id)
        self._behave(message)
        self.taken.append(message.message_id)
        return f"vendor-{len(self.taken)}"

    def close(self) -> None:
        self.closed += 1


class Writing:
    """Writes messages whose text is the alerts they tell of, a line each."""

    def __init__(self) -> None:
        self._example = message()

    def render(self, alert: Alert, delivery: Delivery) -> Message:
        return self.render_digest([alert], delivery)

    def render_digest(
        self, alerts: Sequence[Alert], delivery: Delivery, *, escalated: bool = False
    ) -> Message:
        return dataclasses.replace(
            self._example,
            delivery_id=delivery.delivery_id,
            alert_id=delivery.alert_id,
            message_id=f"<{delivery.delivery_id}@example.com>",
            recipient=delivery.recipient,
            text="\n".join(str(alert.alert_id) for alert in alerts),
        )


class Killed(BaseException):
    """The process is gone."""


class Crash:
    """Kills at the ``at``-th of the moments it is shown."""

    def __init__(self, at: int) -> None:
        self._left = at

    def moment(self) -> None:
        if self._left == 0:
            raise Killed
        self._left -= 1


class Crashing:
    """Calls the same method of ``inner``, with a moment to die before and after it."""

    def __init__(self, inner: object, crash: Crash) -> None:
        self._inner = inner
        self._crash = crash

    def __getattr__(self, name: str) -> object:
        inner = getattr(self._inner, name)
        if not callable(inner):
            return inner

        def call(*arguments: object, **named: object) -> object:
            self._crash.moment()
            result = inner(*arguments, **named)
            self._crash.moment()
            return result

        return call


class World:
    """The stores, a clock that is set by hand, and alerts that are already enqueued."""

    def __init__(self, alerts: Sequence[Alert]) -> None:
        self.now = HANDED_OVER
        self.alerts = MemoryAlertStore()
        self.alerts.put(alerts)
        self.outbox = MemoryOutboxStore()
        enqueue_alerts(alerts, ROUTER, self.outbox)

    def deliver(self, vendor: Vendor, backoff: Backoff | None = None) -> DeliverySummary:
        return deliver_due(self.outbox, self.alerts, lambda: [vendor], lambda: self.now, 60.0, backoff)

    def states(self) -> dict[DeliveryState, int]:
        return {state: count for state, count in self.outbox.counts().items() if count}
