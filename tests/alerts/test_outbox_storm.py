"""Digests: when they are made, and what they tell."""

from collections import Counter
from datetime import timedelta

import pytest

from include.alerts.alert import Alert, Severity
from include.alerts.delivery import ESCALATION, Delivery, delivery_id_for
from include.alerts.errors import PermanentFailure, TemporaryFailure
from include.alerts.message import Message
from include.alerts.outbox import DeliverySummary, deliver_due, enqueue_alerts
from include.alerts.sending import EMPTY
from include.alerts.storm import CAP, hold_back
from tests.alerts.examples import NOON, alert, delivery
from tests.alerts.outbox_world import ROUTER, Killed, World
from tests.alerts.storm_world import (
    DEAD,
    DELIVERED,
    DESK,
    DIGESTED,
    EVERY,
    LIMITS,
    PENDING,
    WRITING,
    Desk,
    DiesBefore,
    assert_told_once,
    digests,
    run,
    run_out,
    some,
)


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


def test_customers_are_never_held_back() -> None:
    about = some(6)
    world, vendor = World([]), Desk()
    world.alerts.put(about)
    world.outbox.enqueue([delivery(one, audience="customer", recipient="c@example.com") for one in about])
    assert run(world, vendor).sent == 6


def _escalation(of: Alert) -> Delivery:
    key = delivery_id_for(of.alert_id, "email", DESK, ESCALATION)
    return delivery(of, audience=ESCALATION, delivery_id=key, next_attempt_at=NOON)


def test_a_storm_of_escalations_goes_into_a_digest_that_says_so() -> None:
    about = some(6)
    world, vendor = World(about), Desk()
    run(world, vendor)
    world.now += 2 * EVERY
    while run(world, vendor).moved:
        pass
    before = Counter(vendor.told())
    assert before == Counter(str(one.alert_id) for one in about)
    world.outbox.enqueue([_escalation(one) for one in about])
    world.now += EVERY
    summary = run(world, vendor)
    assert (summary.sent, summary.digested) == (2, 4)
    world.now += EVERY
    deliver_due(world.outbox, world.alerts, lambda: [vendor], lambda: world.now, 60.0, limits=LIMITS)
    told = [text for texts in vendor.texts.values() for text in texts]
    assert sum("4 escalated alerts" in text for text in told) == 1
    assert {row.state for row in world.outbox.rows.values()} == {DELIVERED, DIGESTED}


def test_alerts_and_escalations_share_the_limit_and_have_a_digest_each() -> None:
    about = some(6)
    world, vendor = World(about), Desk()
    world.outbox.enqueue([_escalation(one) for one in about])
    assert (run(world, vendor).sent, world.states()[DIGESTED]) == (2, 10)
    assert {row.audience for row in world.outbox.rows.values() if row.state is DELIVERED} == {ESCALATION}
    sizes = sorted(len(world.outbox.digest_members(digest.alert_id)) for digest in digests(world))
    assert sizes == [4, 6]


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
        run(world, vendor, outbox=DiesBefore(world.outbox, "fold"))
    world.now += timedelta(seconds=5)
    deliver_due(
        world.outbox, world.alerts, lambda: [vendor], lambda: world.now, 60.0, renderer=WRITING
    )  # 300 a minute
    world.now += EVERY
    assert run(world, vendor) == DeliverySummary()
    (digest,) = digests(world)
    assert (digest.state, digest.provider_id) == (DELIVERED, EMPTY)
    assert_told_once(world, vendor, alerts)


def test_what_was_held_on_purpose_does_not_count_as_slow() -> None:
    about = alert(1, customer_id=None)
    world, vendor = World([]), Desk()
    world.alerts.put([about])
    morning = world.now + timedelta(hours=7)
    world.outbox.enqueue([delivery(about, audience="customer", next_attempt_at=morning)])
    assert run(world, vendor).sent == 0
    world.now = morning
    summary = run(world, vendor)
    assert (summary.sent, summary.latencies) == (1, [])


def test_nothing_new_for_staff_costs_no_look_at_what_was_sent() -> None:
    world = World([])
    about = alert(1, customer_id=None)
    rows = [delivery(about, audience="customer", recipient="c@example.com")]
    assert hold_back(rows, {}, DiesBefore(world.outbox, "sent_lately"), LIMITS, world.now) == (rows, 0)  # type: ignore[arg-type]
