"""Digests and second lives on Cassandra when processes die, meet each other, or get no answer."""

import itertools
import uuid
from contextlib import suppress
from datetime import timedelta

import pytest

from include.alerts.backoff import Backoff
from include.alerts.limits import Limits
from include.alerts.outbox import deliver_due
from include.stores.cassandra.errors import StoreUnavailable
from include.stores.memory.alerting import MemoryAlertStore
from tests.alerts.examples import NOON, alert, delivery
from tests.alerts.outbox_world import Writing
from tests.alerts.test_outbox_storm import Desk
from tests.stores.cassandra.outboxes import (
    DEAD,
    DELIVERED,
    DIGESTED,
    PENDING,
    SECOND,
    SENDING,
    deliver_all,
    empty_outbox,
    make,
    remains,
    the,
)
from tests.stores.cassandra.test_outbox import Killed, answers_lost, die, interrupted

pytestmark = pytest.mark.servers

EVERY = timedelta(seconds=120)
LIMITS = Limits(alerts_per_minute=1, digest_every=EVERY)
ALERTS = [alert(number) for number in range(4)]
MANY = 10_000


def run(outbox, vendor, now):
    source = MemoryAlertStore()
    source.put(ALERTS)
    return deliver_due(
        outbox, source, lambda: [vendor], lambda: now, 60.0, Backoff(max_attempts=40), renderer=Writing(),
        limits=LIMITS,
    )  # fmt: skip


def storm(outbox, vendor, now):
    """A storm and its digest."""
    outbox.enqueue([delivery(one) for one in ALERTS])
    run(outbox, vendor, now)
    run(outbox, vendor, now + EVERY)


def assert_all_told_once(outbox, vendor, where):
    assert vendor.told() == {str(one.alert_id): 1 for one in ALERTS}, where
    assert all(len(texts) == 1 for texts in vendor.texts.values()), where
    counts = outbox.counts()
    assert counts[PENDING] == counts[SENDING] == counts[DEAD] == 0, where


def run_out(outbox, vendor, now):
    for _ in range(4):
        now += EVERY
        while run(outbox, vendor, now).moved:
            pass


def test_killed_between_any_two_statements_every_alert_is_told_of_once(session, outbox, other):
    digested = set()
    for at in itertools.count(1):
        empty_outbox(session)
        vendor = Desk()
        with interrupted(session, at, die) as sent, suppress(Killed):
            storm(outbox, vendor, NOON + SECOND)
        other.enqueue([delivery(one) for one in ALERTS])
        run_out(other, vendor, NOON + EVERY)
        assert_all_told_once(other, vendor, f"killed before {sent[-1]}")
        digested.add(other.counts()[DIGESTED])
        if at > len(sent):
            break
    assert at > 30, "the flow is shorter than the test believes"
    assert max(digested) == 3


def test_another_process_at_any_statement_loses_and_doubles_nothing(session, outbox, other):
    for at in itertools.count(1):
        empty_outbox(session)
        vendor = Desk()

        def meet(vendor=vendor):
            run(other, vendor, NOON + EVERY + SECOND)

        with interrupted(session, at, meet) as sent:
            storm(outbox, vendor, NOON + SECOND)
        run_out(other, vendor, NOON + EVERY)
        assert_all_told_once(other, vendor, f"met before {sent[min(at, len(sent)) - 1]}")
        if at > len(sent):
            break
    assert at > 30


@pytest.mark.parametrize("applied", [True, False])
def test_what_was_folded_or_added_when_the_answer_was_lost_is_settled(session, outbox, applied):
    digest, several = uuid.uuid4(), [make(), make()]
    outbox.enqueue(several)
    ids = [one.delivery_id for one in several]
    with answers_lost(session, 2, applied=applied):
        assert outbox.add_to_digest(digest, uuid.uuid4(), ids, MANY)
    with answers_lost(session, 3, applied=applied):
        outbox.fold(ids, digest)
    assert {the(outbox, one).state for one in several} == {DIGESTED}
    with answers_lost(session, 2, applied=applied):
        assert set(outbox.seal_digest(digest)) == set(ids)
    assert not outbox.add_to_digest(digest, uuid.uuid4(), ids, MANY)


def test_when_nothing_can_be_known_no_digest_is_sent(session, outbox):
    with answers_lost(session, 100, applied=False), pytest.raises(StoreUnavailable):
        outbox.seal_digest(uuid.uuid4())
    with answers_lost(session, 100, applied=False), pytest.raises(StoreUnavailable):
        outbox.fold([make().delivery_id], uuid.uuid4())


def dead_one(outbox):
    one = make()
    outbox.enqueue([one])
    outbox.dead(outbox.claim(one, NOON, 60.0), "550", NOON)
    return the(outbox, one)


def test_a_second_life_is_not_stranded_whoever_reads_or_dies_meanwhile(session, outbox, other):
    later = NOON + timedelta(minutes=5)
    for at in itertools.count(1):
        dead = dead_one(other)
        with interrupted(session, at, lambda: other.due(later + timedelta(minutes=5))) as sent:
            assert outbox.dead_again(dead, later)
        assert [one.delivery_id for one in other.due(later)] == [dead.delivery_id], sent
        deliver_all(other, later)
        if at > len(sent):
            break
    assert at > 2
    for at in itertools.count(1):
        dead = dead_one(other)
        with interrupted(session, at, die) as sent, suppress(Killed):
            outbox.dead_again(dead, later)
        state = the(other, dead).state
        assert [one.delivery_id for one in other.due(later)] == (
            [dead.delivery_id] if state is PENDING else []
        )
        if state is DEAD:
            assert other.dead_again(dead, later)
        deliver_all(other, later)
        assert the(other, dead).state is DELIVERED
        if at > len(sent):
            break
    assert at > 2


def test_a_run_without_a_storm_costs_two_more_statements_however_much_it_sends(session, outbox):
    several = [delivery(one) for one in ALERTS]
    outbox.enqueue(several)
    vendor = Desk()
    source = MemoryAlertStore()
    source.put(ALERTS)
    with interrupted(session, 0, die) as sent:
        deliver_due(outbox, source, lambda: [vendor], lambda: NOON + SECOND, renderer=Writing())
    lately = [one for one in sent if "sent_by_minute" in one]
    assert [one.split()[0] for one in lately] == ["SELECT", "SELECT", "INSERT"]  # two partitions at once
    assert sum(one.startswith("UPDATE outbox ") for one in sent) == 2 * len(several)


def test_folded_deliveries_leave_no_hints_behind(session, outbox):
    vendor = Desk()
    storm(outbox, vendor, NOON + SECOND)
    run_out(outbox, vendor, NOON + EVERY)
    for _ in range(3):
        outbox.due(NOON + timedelta(hours=1))
    assert remains(session, "outbox_due") == 0
    assert remains(session, "outbox_open_minutes") == 0
