"""A storm to test with: a desk that is told of one or two alerts a minute, and stores that die."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from include.alerts.alert import Alert
from include.alerts.backoff import Backoff
from include.alerts.delivery import DIGEST, Delivery, DeliveryState
from include.alerts.errors import TemporaryFailure
from include.alerts.limits import Limits
from include.alerts.message import Message
from include.alerts.outbox import DeliverySummary, deliver_due
from include.stores.memory.alerting import MemoryOutboxStore
from tests.alerts.examples import alert
from tests.alerts.outbox_world import Killed, Vendor, World, Writing

DESK = "fraud-desk@example.com"
EVERY = timedelta(seconds=120)
LIMITS = Limits(alerts_per_minute=2, digest_every=EVERY)
WRITING = Writing()
PENDING, SENDING, DELIVERED, DEAD, DIGESTED = DeliveryState


def some(count: int, **changes: Any) -> list[Alert]:
    return [alert(number, customer_id=None, **changes) for number in range(count)]


class Desk(Vendor):
    """A vendor that remembers what it was handed."""

    def __init__(self, behave: Callable[[Message], None] = lambda message: None) -> None:
        super().__init__(behave)
        self.texts: dict[str, set[str]] = {}  # by Message-ID: more than one would be a message that changed
        self.attempts: list[int] = []
        self.answers_lost = False

    def send(self, message: Message, attempt: int = 1) -> str | None:
        self.attempts.append(attempt)
        self.texts.setdefault(message.message_id, set()).add(message.text)
        taken = super().send(message, attempt)
        if self.answers_lost:
            raise TemporaryFailure("connection lost after the message had been taken")
        return taken

    def told(self) -> Counter[str]:
        """How often each alert was told of, a mailbox that drops copies of a Message-ID provided."""
        texts = (next(iter(self.texts[taken])) for taken in set(self.taken))
        return Counter(line for text in texts for line in text.splitlines())


def run(world: World, vendor: Vendor, outbox: Any = None, alerts: Any = None) -> DeliverySummary:
    return deliver_due(
        outbox or world.outbox,
        alerts or world.alerts,
        lambda: [vendor],
        lambda: world.now,
        60.0,
        Backoff(max_attempts=40),
        renderer=WRITING,
        limits=LIMITS,
    )


def run_out(world: World, vendor: Vendor, times: int = 12) -> None:
    """Run until everything that can come due has."""
    for _ in range(times):
        while run(world, vendor).moved:
            pass
        world.now += timedelta(seconds=61)


def digests(world: World) -> list[Delivery]:
    return [row for row in world.outbox.rows.values() if row.audience == DIGEST]


def assert_told_once(world: World, vendor: Desk, alerts: Sequence[Alert]) -> None:
    assert vendor.told() == Counter(str(one.alert_id) for one in alerts)
    assert all(len(texts) == 1 for texts in vendor.texts.values()), "a message changed between its tries"
    rows = world.outbox.rows.values()
    assert {row.state for row in rows} <= {DELIVERED, DIGESTED}
    for row in rows:
        assert (row.state is DIGESTED) == (row.digest_id is not None) <= (row.attempts == 0)


class DiesBefore:
    """The store, whose ``method`` kills."""

    def __init__(self, inner: object, method: str) -> None:
        self._inner = inner
        self._method = method

    def __getattr__(self, name: str) -> Any:
        if name == self._method:
            raise Killed
        return getattr(self._inner, name)


class OnlyDigests:
    """The store, in which nothing but digests is ever due."""

    def __init__(self, inner: MemoryOutboxStore) -> None:
        self._inner = inner

    def due(self, now: datetime, limit: int, without: Collection[str] = ()) -> list[Delivery]:
        return [one for one in self._inner.due(now, limit, without) if one.audience == DIGEST]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
