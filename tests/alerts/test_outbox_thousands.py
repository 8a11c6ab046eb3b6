"""A storm: thousands of alerts within a minute, and vendors that fail half of their calls."""

import uuid
from collections import Counter, defaultdict
from datetime import timedelta

import numpy as np
import pytest

from include.alerts.alert import Alert
from include.alerts.backoff import Backoff
from include.alerts.contacts import SimulatedCustomers, simulated_customers
from include.alerts.delivery import CUSTOMER, DIGEST, STAFF, DeliveryState, delivery_id_for
from include.alerts.errors import ChannelUnavailable, TemporaryFailure
from include.alerts.limits import Limits, Pace
from include.alerts.message import Message
from include.alerts.outbox import deliver_due, enqueue_alerts
from include.alerts.routing import Condition, Router, Routing, RoutingRule, Tell
from include.alerts.routing_file import load_routing
from include.alerts.sending import DeliverySummary
from include.stores.memory.alerting import MemoryAlertStore, MemoryOutboxStore
from include.stores.ports import AlertStore, OutboxStore
from tests.alerts.examples import NOON, alert
from tests.alerts.outbox_world import Writing
from tests.stores.cassandra.keyspaces import numbered, own_keyspace

OUTBOX = ("outbox", "deliveries_and_customers")  # the migrations
DESK = "fraud-desk@example.com"
LIMITS = Limits(alerts_per_minute=300, digest_every=timedelta(seconds=60), sends_per_second={"sms": 100.0})
SMALL = Limits(alerts_per_minute=20, digest_every=timedelta(seconds=60), sends_per_second={"sms": 100.0})
RULES = (
    RoutingRule("the desk", Condition(), (Tell("fraud_desk"),)),
    RoutingRule("the customer", Condition(), (Tell(CUSTOMER, ("sms", "email")),)),
)


class FailingVendor:
    """Fails half of its calls, in every way a vendor can: before it took the message, after, or too many calls.

    Parameters
    ----------
    name
        Of the channel.
    asked
        Whether it can be asked what it has taken, and is from the second attempt on; what it takes reaches
        the receiver each time. One that cannot is e-mail, whose receivers drop copies of a Message-ID.
    """

    def __init__(self, name: str, generator: np.random.Generator, asked: bool) -> None:
        self.name = name
        self._generator = generator
        self._asked = asked
        self.calls = 0
        self.failures = 0
        self.received: list[Message] = []
        self._taken: dict[str, str] = {}

    def send(self, message: Message, attempt: int = 1) -> str | None:
        if self._asked and attempt > 1:
            self._fail_sometimes("500 to the question")
            if message.message_id in self._taken:
                return self._taken[message.message_id]
        self._fail_sometimes("500")
        if self._asked or message.message_id not in self._taken:  # receivers of mail drop copies
            self.received.append(message)
        self._taken[message.message_id] = f"{self.name}-{len(self.received)}"
        if self._generator.random() < 0.25:
            self.failures += 1
            raise TemporaryFailure("connection dropped after the message was taken")
        return self._taken[message.message_id]

    def close(self) -> None:
        pass

    def _fail_sometimes(self, problem: str) -> None:
        self.calls += 1
        draw = self._generator.random() * (
            0.8 if self._asked else 1.0
        )  # questions fail before they can after
        if draw < 0.34:
            self.failures += 1
            raise (
                TemporaryFailure(problem)
                if draw < 0.24
                else ConnectionResetError("dropped")
                if draw < 0.28
                else TemporaryFailure("429", retry_after=7.0)
                if draw < 0.32
                else ChannelUnavailable("429 for everything", retry_after=3.0)
            )


class Storm:
    """Alerts that come within a minute, second by second, and the world they come into."""

    def __init__(self, count: int, limits: Limits, alerts: AlertStore, outbox: OutboxStore) -> None:
        generator = np.random.default_rng(17)
        self.count = count
        self.limits = limits
        self.alerts = alerts
        self.outbox = outbox
        self.router = Router(Routing(load_routing(environ={}).groups, "all", RULES), SimulatedCustomers())
        self.mail = FailingVendor("email", generator, asked=False)
        self.sms = FailingVendor("sms", generator, asked=True)
        self.now = NOON
        self.slept = 0.0
        self.total = DeliverySummary()
        self.raised: list[Alert] = []

    def blow(self) -> None:
        """A minute of alerts, with a run after each second of them, then runs until nothing is open."""
        for second in range(60):
            numbers = range(self.count * second // 60, self.count * (second + 1) // 60)
            self.now = max(self.now, NOON + timedelta(seconds=second + 1))
            self._raise(numbers)
            self._run()
        for _ in range(500):
            while self._run():
                pass
            if not self._open():
                return
            self.now += timedelta(seconds=20)

    def _raise(self, numbers: range) -> None:
        raised = [
            alert(
                number,
                customer_id=f"C-{number % 900}",
                arrived_at=self.now - timedelta(seconds=1),
                raised_at=self.now,
            )
            for number in numbers
        ]
        self.alerts.put(raised)
        enqueue_alerts(raised, self.router, self.outbox)
        self.raised += raised

    def _run(self) -> int:
        summary = deliver_due(
            self.outbox,
            self.alerts,
            lambda: [self.mail, self.sms],
            lambda: self.now,
            120.0,
            Backoff(),
            renderer=Writing(),
            limits=self.limits,
            pace=Pace(self.limits.sends_per_second, 60.0, self._seconds, self._sleep),
        )
        self.total.add(summary)
        return summary.moved

    def _seconds(self) -> float:
        return (self.now - NOON).total_seconds()

    def _sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.now += timedelta(seconds=seconds)

    def _open(self) -> int:
        counts = self.outbox.counts()
        return counts[DeliveryState.PENDING] + counts[DeliveryState.SENDING]


def assert_all_told_once(storm: Storm) -> None:
    """Every alert reached each recipient it was routed to, once on each channel."""
    customers = {one.customer_id: one for one in simulated_customers(f"C-{n}" for n in range(900))}
    expected: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one in storm.raised:
        expected["email", DESK][str(one.alert_id)] += 1
        customer = customers[str(one.customer_id)]
        for channel in ("email", "sms"):
            if customer.consents(channel):
                expected[channel, str(customer.address_on(channel))][str(one.alert_id)] += 1
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for vendor in (storm.mail, storm.sms):
        for message in vendor.received:
            found[vendor.name, message.recipient].update(message.text.splitlines())
    assert found == expected
    assert {key[0] for key in found} == {"email", "sms"}


def assert_told_in_digests(storm: Storm, at_most: int) -> None:
    """The desk had few messages for all that, and the outbox knows what went where."""
    to_desk = [message for message in storm.mail.received if message.recipient == DESK]
    in_digests = [message for message in to_desk if message.delivery_id != _alone(message.alert_id)]
    assert 1 <= len(in_digests) <= 4
    assert len(to_desk) <= at_most
    for message in in_digests:
        members = storm.outbox.digest_members(message.alert_id)
        assert {str(one.alert_id) for one in members} == set(message.text.splitlines())
        assert {(one.state, one.recipient, one.audience) for one in members} == {
            (DeliveryState.DIGESTED, DESK, STAFF)
        }
        (delivery,) = storm.outbox.of_alert(message.alert_id)
        assert (delivery.audience, delivery.state) == (DIGEST, DeliveryState.DELIVERED)
    counts = storm.outbox.counts()
    assert counts[DeliveryState.DEAD] == 0
    assert counts[DeliveryState.DIGESTED] == storm.total.digested > 0


def _alone(alert_id: uuid.UUID) -> uuid.UUID:
    return delivery_id_for(alert_id, "email", DESK)


def assert_vendors_failed(storm: Storm) -> None:
    """The test was one: half of what was asked of the vendors failed."""
    for vendor in (storm.mail, storm.sms):
        assert 0.45 < vendor.failures / vendor.calls < 0.55


def test_five_thousand_alerts_in_a_minute() -> None:
    storm = Storm(5_000, LIMITS, MemoryAlertStore(), MemoryOutboxStore())
    storm.blow()
    assert len(storm.raised) == 5_000
    assert_vendors_failed(storm)
    assert_all_told_once(storm)
    # The minute may be two on the clock, and whoever is let through is counted once the run has ended.
    assert_told_in_digests(storm, at_most=2 * 300)
    assert storm.slept > 0


@pytest.mark.servers
def test_a_storm_on_cassandra(request: pytest.FixtureRequest) -> None:
    from include.stores.cassandra.alerts import CassandraAlertStore
    from include.stores.cassandra.outbox import CassandraOutboxStore

    with own_keyspace(request.getfixturevalue("cassandra_address"), numbered("alerts", *OUTBOX)) as address:
        session = address.connect()
        try:
            storm = Storm(150, SMALL, CassandraAlertStore(session), CassandraOutboxStore(session))
            storm.blow()
            assert_all_told_once(storm)
            assert_told_in_digests(storm, at_most=60)
        finally:
            session.cluster.shutdown()
