import contextlib
import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from include.alerts.backoff import Backoff
from include.alerts.channels.smtp import SmtpChannel, smtp_connection
from include.alerts.delivery import DeliveryState
from include.alerts.errors import ChannelUnavailable, OutcomeUnknown, PermanentFailure, TemporaryFailure
from include.alerts.message import Message
from include.alerts.outbox import DeliverySummary, deliver_due, enqueue_alerts
from include.local.mailbox import Mailbox
from tests.alerts.examples import ACCOUNT, NOON, alert, delivery
from tests.alerts.outbox_world import HANDED_OVER, ROUTER, Crash, Crashing, Killed, Vendor, World


def _raising(failure: Exception) -> Callable[[Message], None]:
    def behave(message: Message) -> None:
        raise failure

    return behave


def test_every_recipient_gets_the_alert_and_the_latency_is_told() -> None:
    world, vendor = World([alert()]), Vendor()
    summary = world.deliver(vendor)
    assert (summary.sent, summary.retried, summary.dead, summary.skipped) == (2, 0, 0, 0)
    assert summary.latencies == [2.0, 2.0]
    assert world.states() == {DeliveryState.DELIVERED: 2}
    assert {row.provider_id for row in world.outbox.rows.values()} == {"vendor-1", "vendor-2"}
    assert vendor.closed == 1


def test_a_second_run_sends_nothing() -> None:
    world, vendor = World([alert(1), alert(2)]), Vendor()
    world.deliver(vendor)
    world.now += timedelta(days=1)
    assert world.deliver(vendor) == DeliverySummary()
    assert max(Counter(vendor.taken).values()) == 1


def test_enqueuing_again_keeps_what_was_delivered() -> None:
    world, vendor = World([alert()]), Vendor()
    world.deliver(vendor)
    assert enqueue_alerts([alert()], ROUTER, world.outbox) == 2
    assert world.states() == {DeliveryState.DELIVERED: 2}


def test_the_oldest_goes_first() -> None:
    ages = {1: 5, 2: 50, 3: 20}
    alerts = [alert(n, customer_id=None, arrived_at=NOON - timedelta(seconds=s)) for n, s in ages.items()]
    world, vendor = World(alerts), Vendor()
    assert world.deliver(vendor).latencies == [53.0, 23.0, 8.0]


def test_a_temporary_failure_waits_and_is_tried_again() -> None:
    world = World([alert(customer_id=None)])
    vendor = Vendor(_raising(TemporaryFailure("450 busy")))
    backoff = Backoff(first_seconds=10, jitter=0)
    assert world.deliver(vendor, backoff).retried == 1
    (row,) = world.outbox.rows.values()
    assert (row.state, row.last_error, row.attempts) == (DeliveryState.PENDING, "450 busy", 1)
    assert row.next_attempt_at == world.now + timedelta(seconds=10)
    world.now += timedelta(seconds=9)
    assert world.deliver(Vendor(), backoff).sent == 0
    world.now += timedelta(seconds=1)
    assert world.deliver(Vendor(), backoff).sent == 1


def test_the_vendor_may_ask_for_a_longer_wait_but_not_for_a_shorter_one() -> None:
    for asked, wait in ((300.0, 300), (1.0, 10)):
        world = World([alert(customer_id=None)])
        failure = TemporaryFailure("429", retry_after=asked)
        world.deliver(Vendor(_raising(failure)), Backoff(first_seconds=10, jitter=0))
        (row,) = world.outbox.rows.values()
        assert row.next_attempt_at == world.now + timedelta(seconds=wait)


def test_a_permanent_failure_is_dead_at_once_and_visible(caplog: pytest.LogCaptureFixture) -> None:
    world = World([alert(customer_id=None)])
    with caplog.at_level(logging.ERROR):
        assert world.deliver(Vendor(_raising(PermanentFailure("550 no such user")))).dead == 1
    (row,) = world.outbox.rows.values()
    assert (row.state, row.last_error) == (DeliveryState.DEAD, "550 no such user")
    assert "is dead: 550 no such user" in caplog.text


def test_after_the_last_attempt_it_is_dead_and_never_tried_again() -> None:
    world, vendor = World([alert(customer_id=None)]), Vendor(_raising(TemporaryFailure("450 busy")))
    for _ in range(6):
        world.deliver(vendor, Backoff(max_attempts=3, max_refused=3))
        world.now += timedelta(hours=1)
    assert len(vendor.tried) == 3
    (row,) = world.outbox.rows.values()
    assert (row.state, row.last_error) == (DeliveryState.DEAD, "given up after 3 attempts: 450 busy")


@pytest.mark.parametrize(
    ("failure", "tries"),
    [
        (ChannelUnavailable("connection refused"), 7),
        (TemporaryFailure("503"), 7),
        (OutcomeUnknown("no answer"), 3),
        (RuntimeError("a bug in the channel"), 3),
    ],
)
def test_what_the_vendor_has_certainly_not_taken_is_tried_for_longer(failure: Exception, tries: int) -> None:
    world, vendor = World([alert(customer_id=None)]), Vendor(_raising(failure))
    for _ in range(10):
        world.deliver(vendor, Backoff(max_attempts=3, max_refused=7))
        world.now += timedelta(hours=1)
    assert len(vendor.tried) == tries


def test_a_day_without_a_vendor_costs_no_message() -> None:
    world, vendor = World([alert(customer_id=None)]), Vendor(_raising(ChannelUnavailable("away")))
    end = world.now + timedelta(days=1)
    while world.now < end:
        world.deliver(vendor)
        world.now += timedelta(seconds=30)
    assert world.states() == {DeliveryState.PENDING: 1}
    world.now += timedelta(minutes=15)
    assert world.deliver(Vendor()).sent == 1


def test_one_bad_recipient_does_not_stop_the_others() -> None:
    def behave(message: Message) -> None:
        if message.recipient.startswith("customer"):
            raise RuntimeError("a bug in the channel")

    world = World([alert(n) for n in range(4)])
    summary = world.deliver(Vendor(behave))
    assert (summary.sent, summary.retried) == (4, 4)


def test_a_channel_out_of_order_is_left_alone_and_the_rest_keeps_its_attempts() -> None:
    world = World([alert(n, customer_id=None) for n in range(10)])
    vendor = Vendor(_raising(ChannelUnavailable("refused")))
    summary = world.deliver(vendor)
    assert (summary.retried, summary.skipped, len(vendor.tried)) == (3, 7, 3)
    assert sum(row.attempts for row in world.outbox.rows.values()) == 3
    world.now += timedelta(minutes=1)
    assert world.deliver(Vendor()).sent == 10


def test_a_delivery_that_cannot_be_prepared_waits_with_its_reason() -> None:
    unknown = delivery(alert(9))
    pigeon = delivery(alert(1), channel="pigeon")
    press = delivery(alert(2), audience="press")
    world = World([])
    world.alerts.put([alert(1), alert(2)])
    world.outbox.enqueue([unknown, pigeon, press])
    assert world.deliver(Vendor()).retried == 3
    errors = {key: row.last_error or "" for key, row in world.outbox.rows.items()}
    assert "in the alert store, found none" in errors[unknown.delivery_id]
    assert "expected a channel out of email, got 'pigeon'" in errors[pigeon.delivery_id]
    assert "expected an audience out of" in errors[press.delivery_id]


def test_two_senders_at_once_do_not_send_twice() -> None:
    world, other = World([alert(n) for n in range(5)]), Vendor()

    def behave(message: Message) -> None:
        if not other.tried:
            world.deliver(other)  # a second sender runs while the first is sending

    vendor = Vendor(behave)
    summary = world.deliver(vendor)
    assert len(vendor.taken) + len(other.taken) == 10
    assert max(Counter(vendor.taken + other.taken).values()) == 1
    assert summary.skipped == len(other.taken)


def test_a_vendor_that_fails_half_of_its_calls_loses_and_doubles_nothing() -> None:
    generator = np.random.default_rng(5)
    mailbox: set[str] = set()
    answered: list[str] = []
    failures = (
        TemporaryFailure("503"),
        TemporaryFailure("429", retry_after=4),
        ChannelUnavailable("refused"),
    )

    def behave(message: Message) -> None:
        draw = generator.random()
        if draw < 0.4:
            raise failures[int(generator.integers(len(failures)))]
        mailbox.add(message.message_id)
        if draw < 0.5:  # taken, but the answer got lost
            raise TemporaryFailure("connection lost")
        answered.append(message.message_id)

    world, vendor = World([alert(n) for n in range(60)]), Vendor(behave)
    backoff = Backoff(max_attempts=40)
    for _ in range(60):
        world.deliver(vendor, backoff)
        world.now += timedelta(minutes=10)
    assert world.states() == {DeliveryState.DELIVERED: 120}
    assert len(mailbox) == 120
    assert max(Counter(answered).values()) == 1


def _whole_flow(world: World, vendor: Vendor, crash: Crash, backoff: Backoff) -> None:
    alerts, outbox, channel = (Crashing(part, crash) for part in (world.alerts, world.outbox, vendor))
    raised = [alert(1), alert(2, customer_id=None)]
    alerts.put(raised)  # type: ignore[operator]
    enqueue_alerts(raised, ROUTER, outbox)  # type: ignore[arg-type]
    deliver_due(outbox, alerts, lambda: [channel], lambda: world.now, 60.0, backoff)  # type: ignore[arg-type]


def test_killed_at_any_moment_and_run_again_every_alert_is_in_the_mailbox_once() -> None:
    copies: Counter[int] = Counter()
    for at in range(1000):
        world, vendor = World([]), Vendor()
        try:
            _whole_flow(world, vendor, Crash(at), Backoff())
        except Killed:
            finished = False
        else:
            finished = True
        world.now += timedelta(seconds=61)
        _whole_flow(world, vendor, Crash(10_000), Backoff())
        assert world.states() == {DeliveryState.DELIVERED: 3}
        assert len(set(vendor.taken)) == 3, "lost"
        copies[len(vendor.taken) - 3] += 1
        if finished:
            break
    assert finished, "the flow is longer than the test goes"
    # The only window in which a copy is sent: taken by the vendor and not yet on record. Three messages,
    # each with two moments in it: after the send, and before the record.
    assert copies == {0: at + 1 - 6, 1: 6}


def test_killed_again_and_again_nothing_is_lost() -> None:
    for seed in range(5):
        generator = np.random.default_rng(seed)
        world, vendor = World([]), Vendor()
        for _ in range(12):
            try:
                _whole_flow(world, vendor, Crash(int(generator.integers(30))), Backoff())
            except Killed:
                world.now += timedelta(seconds=61)
        _whole_flow(world, vendor, Crash(10_000), Backoff())
        assert world.states() == {DeliveryState.DELIVERED: 3}
        assert len(set(vendor.taken)) == 3


def test_a_copy_sent_after_a_crash_is_dropped_by_the_mailbox(tmp_path: Path) -> None:
    class DiesAfterSending(SmtpChannel):
        def send(self, message: Message, attempt: int = 1) -> str | None:
            super().send(message, attempt)
            raise Killed

    world = World([alert(n) for n in range(3)])
    with Mailbox(tmp_path) as mailbox:
        connect = smtp_connection("127.0.0.1", mailbox.smtp_port)
        for channel in (DiesAfterSending(connect, "a@example.com"), SmtpChannel(connect, "a@example.com")):
            with contextlib.suppress(Killed):
                deliver_due(
                    world.outbox, world.alerts, lambda channel=channel: [channel], lambda: world.now, 60.0
                )
            world.now += timedelta(seconds=61)
        assert world.states() == {DeliveryState.DELIVERED: 6}
        assert (mailbox.store.count(), mailbox.store.suppressed()) == (6, 1)


def test_a_message_that_kills_its_sender_is_buried_in_the_end() -> None:
    def behave(message: Message) -> None:
        raise Killed

    world, vendor = World([alert(customer_id=None)]), Vendor(behave)
    for _ in range(4):
        with pytest.raises(Killed):
            world.deliver(vendor, Backoff(max_attempts=2))
        world.now += timedelta(seconds=61)
    assert world.deliver(vendor, Backoff(max_attempts=2)).dead == 1


def test_logs_never_hold_a_full_number(caplog: pytest.LogCaptureFixture) -> None:
    world = World([alert()])
    with caplog.at_level(logging.DEBUG):
        world.deliver(Vendor(_raising(TemporaryFailure("450"))))
    assert "••••3000" in caplog.text
    assert ACCOUNT not in caplog.text


def test_now_is_asked_for_at_the_hand_over() -> None:
    world = World([alert(customer_id=None)])

    def behave(message: Message) -> None:
        world.now += timedelta(seconds=4)

    summary = world.deliver(Vendor(behave))
    (row,) = world.outbox.rows.values()
    expected: datetime = HANDED_OVER + timedelta(seconds=4)
    assert row.delivered_at == expected
    assert summary.latencies == [6.0]


def test_a_delivery_a_person_sends_again_has_as_many_tries_as_a_new_one() -> None:
    def fail(message: Message) -> None:
        raise TemporaryFailure("503")

    def run_out(vendor: Vendor) -> None:
        for _ in range(backoff.max_attempts + 2):
            world.deliver(vendor, backoff)
            world.now += timedelta(hours=1)

    world, backoff = World([alert(customer_id=None)]), Backoff(max_attempts=3, max_refused=3)
    for round_number in range(1, 5):  # more attempts in the end than a sender that dies would be allowed
        vendor = Vendor(fail)
        run_out(vendor)
        (row,) = world.outbox.rows.values()
        assert (row.state, row.attempts, len(vendor.tried)) == (DeliveryState.DEAD, 3 * round_number, 3)
        assert row.last_error == "given up after 3 attempts: 503"
        assert world.outbox.dead_again(row, world.now)
    run_out(Vendor())
    assert world.states() == {DeliveryState.DELIVERED: 1}
