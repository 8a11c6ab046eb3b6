"""The stores of the outbox's tests, a clock that is set by hand, and a vendor that does what it is told."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from include.alerts.alert import Alert
from include.alerts.backoff import Backoff
from include.alerts.contacts import SimulatedCustomers
from include.alerts.delivery import DeliveryState
from include.alerts.message import Message
from include.alerts.outbox import DeliverySummary, deliver_due, enqueue_alerts
from include.alerts.routing import Router
from include.alerts.routing_file import load_routing
from include.stores.memory.alerting import MemoryAlertStore, MemoryOutboxStore
from tests.alerts.examples import NOON

ROUTER = Router(load_routing(environ={}), SimulatedCustomers())
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
