"""Digests: when they are made, and that whatever dies or meets nothing is lost and nothing told twice."""

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.alerts.alert import Alert, Severity
from include.alerts.backoff import Backoff
from include.alerts.delivery import DIGEST, ESCALATION, Delivery, DeliveryState
from include.alerts.errors import PermanentFailure, TemporaryFailure
from include.alerts.limits import Limits
from include.alerts.message import Message
from include.alerts.outbox import DeliverySummary, deliver_due, enqueue_alerts
from include.alerts.sending import EMPTY
from include.alerts.storm import CAP, hold_back
from include.stores.memory.alerting import MemoryOutboxStore
from tests.alerts.examples import alert, delivery
from tests.alerts.outbox_world import ROUTER, Crash, Crashing, Killed, Vendor, World, Writing

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


def test_beyond_the_limit_alerts_go_into_a_digest() -> None:
    alerts = some(7)
    world, vendor = World(alerts), Desk()
    summary = run(world, vendor)
    assert (summary.sent, summary.digested, summary.skipped, summary.moved) == (2, 5, 0, 7)
    assert world.states() == {DELIVERED: 2, DIGESTED: 5, PENDING: 1}
    (digest,) = digests(world)
    assert digest.next_attempt_at is not None
    assert world.now < digest.next_attempt_at <= world.now + EVERY
    assert len(world.outbox.digest_members(digest.alert_id)) == 5
    world.now = digest.next_attempt_at
    summary = run(world, vendor)
    assert (summary.sent, summary.latencies) == (1, [])
    assert len(vendor.taken) == 3
    assert_told_once(world, vendor, alerts)


def test_up_to_the_limit_there_is_none() -> None:
    world, vendor = World(some(2)), Desk()
    assert run(world, vendor).sent == 2
    assert digests(world) == []


def test_what_went_out_in_the_last_minute_counts_whichever_run_sent_it() -> None:
    world, vendor = World(some(2)), Desk()
    run(world, vendor)
    more = [alert(9, customer_id=None)]
    world.alerts.put(more)
    enqueue_alerts(more, ROUTER, world.outbox)
    assert run(world, vendor).digested == 1


def test_a_minute_later_alerts_are_told_one_by_one_again() -> None:
    world, vendor = World(some(2)), Desk()
    run(world, vendor)
    world.now += timedelta(minutes=2)
    more = [alert(9, customer_id=None)]
    world.alerts.put(more)
    enqueue_alerts(more, ROUTER, world.outbox)
    assert run(world, vendor).sent == 1
    assert digests(world) == []


def test_a_channel_out_of_order_makes_no_storm_of_a_few_alerts() -> None:
    def refuse(message: Message) -> None:
        raise TemporaryFailure("503")

    world = World(some(2))
    for _ in range(5):
        run(world, Desk(refuse))
        world.now += timedelta(seconds=1)
    assert digests(world) == []


def test_the_gravest_are_told_one_by_one() -> None:
    alerts = [*some(5, severity=Severity.LOW)]
    alerts += [alert(10 + n, customer_id=None, severity=Severity.HIGH) for n in range(2)]
    world, vendor = World(alerts), Desk()
    run(world, vendor)
    assert vendor.told() == Counter(str(one.alert_id) for one in alerts[5:])


def test_customers_and_escalations_are_never_held_back() -> None:
    about = some(6)
    rows = [delivery(one, audience="customer", recipient="c@example.com") for one in about]
    rows += [delivery(one, audience=ESCALATION, recipient="lead@example.com") for one in about]
    world, vendor = World([]), Desk()
    world.alerts.put(about)
    world.outbox.enqueue(rows)
    assert run(world, vendor).sent == 12


def test_each_recipient_has_a_limit_and_a_digest_of_its_own() -> None:
    alerts = some(5, typology="structuring")
    world, vendor = World(alerts), Desk()
    assert (run(world, vendor).sent, world.states()[DIGESTED]) == (4, 6)
    assert {digest.recipient for digest in digests(world)} == {DESK, "aml-desk@example.com"}
    assert {digest.language for digest in digests(world)} == {"en", "de"}


def test_further_alerts_join_the_open_digest_and_later_ones_the_next() -> None:
    alerts = some(12)
    world, vendor = World(alerts[:4]), Desk()
    run(world, vendor)
    for later, known in ((timedelta(seconds=20), alerts[4:8]), (EVERY, alerts[8:])):
        world.now += later
        world.alerts.put(known)
        enqueue_alerts(known, ROUTER, world.outbox)
        run(world, vendor)
    sizes = sorted(len(world.outbox.digest_members(digest.alert_id)) for digest in digests(world))
    assert len(sizes) == 2
    run_out(world, vendor)
    assert_told_once(world, vendor, alerts)


def test_a_full_digest_is_followed_by_another_of_the_same_window(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CAP == 5_000
    monkeypatch.setattr("include.alerts.storm.CAP", 3)
    alerts = some(12)
    world, vendor = World(alerts), Desk()
    run(world, vendor)
    assert sorted(len(world.outbox.digest_members(one.alert_id)) for one in digests(world)) == [1, 3, 3, 3]
    run_out(world, vendor)
    assert_told_once(world, vendor, alerts)


def test_a_digest_that_fails_is_tried_again_with_the_same_alerts() -> None:
    world = World(some(6))

    def fail_digests(message: Message) -> None:
        if "\n" in message.text:
            raise TemporaryFailure("503")

    vendor = Desk(fail_digests)
    run(world, vendor)
    world.now += EVERY
    assert run(world, vendor).retried == 1
    healthy = Desk()
    run_out(world, healthy)
    assert {**vendor.texts, **healthy.texts}.keys() == vendor.texts.keys()
    (again,) = healthy.texts.items()
    assert vendor.texts[again[0]] == again[1]
    assert healthy.attempts == [2]


def test_a_dead_digest_keeps_its_alerts_and_a_person_sends_it_again() -> None:
    def refuse(message: Message) -> None:
        if "\n" in message.text:
            raise PermanentFailure("550 too large")

    alerts = some(6)
    world, vendor = World(alerts), Desk(refuse)
    run(world, vendor)
    world.now += EVERY
    assert run(world, vendor).dead == 1
    (digest,) = digests(world)
    assert digest.state is DEAD
    assert world.outbox.dead_again(digest, world.now)
    healthy = Desk()
    run_out(world, healthy)
    assert vendor.told() + healthy.told() == Counter(str(one.alert_id) for one in alerts)


def test_a_digest_whose_alerts_were_all_sent_on_their_own_is_closed_without_a_message() -> None:
    alerts = some(4)
    world, vendor = World(alerts), Desk()
    with pytest.raises(Killed):
        run(world, vendor, outbox=_DiesBefore(world.outbox, "fold"))
    world.now += timedelta(seconds=5)
    deliver_due(
        world.outbox, world.alerts, lambda: [vendor], lambda: world.now, 60.0, renderer=WRITING
    )  # 300 a minute
    world.now += EVERY
    assert run(world, vendor) == DeliverySummary()
    (digest,) = digests(world)
    assert (digest.state, digest.provider_id) == (DELIVERED, EMPTY)
    assert_told_once(world, vendor, alerts)


class _DiesBefore:
    """The store, whose ``method`` kills."""

    def __init__(self, inner: object, method: str) -> None:
        self._inner = inner
        self._method = method

    def __getattr__(self, name: str) -> Any:
        if name == self._method:
            raise Killed
        return getattr(self._inner, name)


def _flow(world: World, vendor: Vendor, alerts: Sequence[Alert], moments: Any) -> None:
    """A storm and its digest, one after the other: every call of the stores and the vendor."""
    source, outbox, channel = (Crashing(part, moments) for part in (world.alerts, world.outbox, vendor))
    source.put(alerts)  # type: ignore[operator]
    enqueue_alerts(alerts, ROUTER, outbox)  # type: ignore[arg-type]
    run(world, channel, outbox, source)  # type: ignore[arg-type]
    world.now += EVERY
    run(world, channel, outbox, source)  # type: ignore[arg-type]


def test_killed_at_any_moment_and_run_again_every_alert_is_told_of_once() -> None:
    alerts = some(6)
    copies = 0
    for at in itertools.count():
        world, vendor, finished = World([]), Desk(), True
        try:
            _flow(world, vendor, alerts, Crash(at))
        except Killed:
            finished = False
        world.now += timedelta(seconds=1)
        enqueue_alerts(alerts, ROUTER, world.outbox)  # the task is run again, as its batch is not done
        world.alerts.put(alerts)
        run_out(world, vendor)
        assert_told_once(world, vendor, alerts)
        copies += len(vendor.taken) - len(set(vendor.taken))
        if finished:
            break
    assert at > 50, "the flow is shorter than the test believes"
    # Three messages, each with two moments between the vendor's taking it and the record of it.
    assert copies == 6


class Meeting:
    """Lets somebody else work at the ``at``-th of the moments it is shown."""

    def __init__(self, at: int, other: Callable[[], None]) -> None:
        self._left = at
        self._other = other

    def moment(self) -> None:
        self._left -= 1
        if self._left == -1:
            self._other()


class OnlyDigests:
    """The store, in which nothing but digests is ever due."""

    def __init__(self, inner: MemoryOutboxStore) -> None:
        self._inner = inner

    def due(self, now: datetime, limit: int) -> list[Delivery]:
        return [one for one in self._inner.due(now, limit) if one.audience == DIGEST]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.mark.parametrize("only_digests", [False, True])
@pytest.mark.parametrize("later", [0, 20, 70, 125])
def test_another_run_at_any_moment_loses_and_doubles_nothing(later: int, only_digests: bool) -> None:
    alerts = some(6)
    for at in itertools.count():
        world, vendor = World([]), Desk()
        outbox = OnlyDigests(world.outbox) if only_digests else world.outbox
        met = []

        def other(world: World = world, vendor: Desk = vendor, outbox: Any = outbox, met: Any = met) -> None:
            met.append(True)
            world.now += timedelta(seconds=later)
            for _ in range(3):
                run(world, vendor, outbox)

        _flow(world, vendor, alerts, Meeting(at, other))
        run_out(world, vendor)
        assert_told_once(world, vendor, alerts)
        if not met:
            break
    assert at > 50


def test_one_that_may_have_been_taken_on_its_own_is_never_folded() -> None:
    alerts = some(4)
    world, vendor = World(alerts), Desk()
    with pytest.raises(Killed):
        run(world, vendor, outbox=_DiesBefore(world.outbox, "fold"))  # all four but two are candidates
    vendor.answers_lost = True
    deliver_due(world.outbox, world.alerts, lambda: [vendor], lambda: world.now, renderer=WRITING)
    assert world.states() == {PENDING: 5}
    vendor.answers_lost = False
    world.now += EVERY
    run(world, vendor, OnlyDigests(world.outbox))
    run_out(world, vendor)
    assert_told_once(world, vendor, alerts)
    assert len(set(vendor.taken)) == 4


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 130), st.booleans()), max_size=6), st.integers(1, 9)
)
@settings(max_examples=60, deadline=None)
def test_whatever_dies_and_fails_every_delivery_ends_in_one_final_state(
    schedule: list[tuple[int, int, bool]], count: int
) -> None:
    alerts = some(count)
    world, vendor = World([]), Desk()
    for at, seconds, lost in schedule:
        vendor.answers_lost = lost
        try:
            _flow(world, vendor, alerts, Crash(at))
        except Killed:
            world.now += timedelta(seconds=seconds)
    vendor.answers_lost = False
    world.alerts.put(alerts)
    enqueue_alerts(alerts, ROUTER, world.outbox)
    run_out(world, vendor, 40)
    assert_told_once(world, vendor, alerts)


def test_nothing_new_for_staff_costs_no_look_at_what_was_sent() -> None:
    world = World([])
    about = alert(1, customer_id=None)
    rows = [delivery(about, audience="customer", recipient="c@example.com")]
    assert hold_back(rows, {}, _DiesBefore(world.outbox, "sent_lately"), LIMITS, world.now) == (rows, 0)  # type: ignore[arg-type]
