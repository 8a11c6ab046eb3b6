"""What every OutboxStore keeps to."""

import dataclasses
import logging
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from include.alerts.delivery import DeliveryState
from tests.alerts.examples import NOON, alert, delivery

PENDING, SENDING, DELIVERED, DEAD, DIGESTED = DeliveryState
SECOND = timedelta(seconds=1)


def make(arrived_at=NOON, **changes):
    about = alert(1, alert_id=uuid.uuid4(), arrived_at=arrived_at, raised_at=arrived_at + SECOND)
    return delivery(about, **changes)


def counted(**numbers):
    return {state: numbers.get(state.name, 0) for state in DeliveryState}


def the(outbox, one):
    return outbox.get_many([one.delivery_id])[one.delivery_id]


def test_a_delivery_comes_back_as_it_was_enqueued(outbox):
    one = make(
        NOON.replace(microsecond=123_456),
        created_at=NOON.replace(microsecond=999_999),
        recipient="ü@example.com",
        audience="customer",
        language="de",
        next_attempt_at=NOON + timedelta(microseconds=1),
    )
    outbox.enqueue([one])
    assert the(outbox, one) == one
    assert outbox.get_many([uuid.uuid4()]) == {}
    assert outbox.get_many([]) == {}


def test_nothing_is_due_at_first(outbox):
    assert outbox.due(NOON) == []
    assert outbox.counts() == counted(PENDING=0, DELIVERED=0)
    outbox.enqueue([])
    assert outbox.due(NOON) == []


def test_a_new_delivery_is_due_from_its_arrival(outbox):
    one = make(NOON + timedelta(microseconds=700))
    outbox.enqueue([one])
    assert outbox.due(NOON + timedelta(microseconds=699)) == []
    assert outbox.due(NOON + timedelta(microseconds=700)) == [one]
    assert outbox.due(NOON + timedelta(days=20)) == [one]


def test_the_whole_way(outbox):
    one = make()
    outbox.enqueue([one])
    (found,) = outbox.due(NOON + SECOND)
    claimed = outbox.claim(found, NOON + SECOND, 60.0)
    assert claimed == dataclasses.replace(
        one, state=SENDING, attempts=1, next_attempt_at=NOON + timedelta(seconds=61)
    )
    assert the(outbox, one) == claimed
    again_at = NOON + timedelta(seconds=5, microseconds=123_457)
    outbox.failed(claimed, "450 busy", again_at)
    failed = dataclasses.replace(claimed, state=PENDING, last_error="450 busy", next_attempt_at=again_at)
    assert the(outbox, one) == failed
    assert outbox.due(again_at - timedelta(microseconds=1)) == []
    assert outbox.due(again_at) == [failed]
    second = outbox.claim(failed, again_at, 60.0)
    assert (second.state, second.attempts) == (SENDING, 2)
    at = again_at + timedelta(microseconds=77)
    outbox.delivered(second, at, "vendor-1")
    assert the(outbox, one) == dataclasses.replace(
        second, state=DELIVERED, delivered_at=at, provider_id="vendor-1"
    )
    assert outbox.due(NOON + timedelta(days=1)) == []
    assert outbox.counts() == counted(PENDING=0, DELIVERED=1)


def test_a_dead_delivery_is_kept_with_its_reason_and_never_due(outbox):
    one = make()
    outbox.enqueue([one])
    claimed = outbox.claim(one, NOON, 60.0)
    outbox.dead(claimed, "550 no such user", NOON + SECOND)
    found = the(outbox, one)
    assert (found.state, found.last_error, found.attempts) == (DEAD, "550 no such user", 1)
    assert outbox.due(NOON + timedelta(days=1)) == []
    assert outbox.counts()[DEAD] == 1


def test_the_vendor_may_give_no_id(outbox):
    one = make()
    outbox.enqueue([one])
    outbox.delivered(outbox.claim(one, NOON, 60.0), NOON + SECOND, None)
    found = the(outbox, one)
    assert (found.state, found.provider_id, found.delivered_at) == (DELIVERED, None, NOON + SECOND)


@pytest.mark.parametrize("state", [PENDING, SENDING, DELIVERED, DEAD])
def test_enqueuing_again_keeps_the_state(outbox, state):
    one = make()
    outbox.enqueue([one, one])
    claimed = outbox.claim(one, NOON, 60.0)
    if state is PENDING:
        outbox.failed(claimed, "450", NOON + 9 * SECOND)
    elif state is DELIVERED:
        outbox.delivered(claimed, NOON, "v")
    elif state is DEAD:
        outbox.dead(claimed, "550", NOON)
    before = the(outbox, one)
    outbox.enqueue([one])
    assert the(outbox, one) == before
    assert before.state is state
    assert outbox.due(NOON + 8 * SECOND) == []
    assert len(outbox.due(NOON + 61 * SECOND)) == (state in (PENDING, SENDING))
    assert sum(outbox.counts().values()) == 1


def test_those_due_longest_come_first_and_a_limit_takes_them(outbox):
    arrivals = [3, 1, 200, 0, 70, 4000]
    several = [make(NOON - timedelta(seconds=seconds)) for seconds in arrivals]
    outbox.enqueue(several)
    retried = outbox.claim(several[5], NOON, 60.0)
    outbox.failed(retried, "450", NOON - timedelta(seconds=2))
    expected = [several[2], several[4], several[0], the(outbox, several[5]), several[1], several[3]]
    assert outbox.due(NOON) == expected
    assert outbox.due(NOON, limit=3) == expected[:3]
    assert outbox.due(NOON - SECOND, limit=10) == expected[:5]


def test_deliveries_due_at_the_same_moment_come_by_id(outbox):
    several = [make() for _ in range(5)]
    outbox.enqueue(several)
    by_id = sorted(several, key=lambda one: one.delivery_id)
    assert outbox.due(NOON) == by_id
    assert outbox.due(NOON, 2) == by_id[:2]


def test_finished_ones_do_not_use_up_the_limit(outbox):
    several = [make(NOON + number * SECOND) for number in range(30)]
    outbox.enqueue(several)
    now = NOON + timedelta(minutes=1)
    for one in several[:25]:
        outbox.delivered(outbox.claim(one, now, 60.0), now, None)
    assert outbox.due(now, limit=3) == several[25:28]


def test_only_what_is_due_can_be_claimed(outbox):
    one = make(next_attempt_at=NOON + SECOND)
    outbox.enqueue([one])
    assert outbox.claim(one, NOON + SECOND - timedelta(microseconds=1), 60.0) is None
    assert outbox.claim(make(), NOON, 60.0) is None  # never enqueued
    assert outbox.claim(one, NOON + SECOND, 60.0) is not None


def test_a_claimed_delivery_cannot_be_claimed_before_its_lease_ends(outbox):
    one = make()
    outbox.enqueue([one])
    claimed = outbox.claim(one, NOON, 60.0)
    for now in (NOON, NOON + 59 * SECOND):
        assert outbox.due(now) == []
        assert outbox.claim(one, now, 60.0) is None
        assert outbox.claim(claimed, now, 60.0) is None


def test_after_its_lease_a_delivery_is_due_again_and_counts_another_attempt(outbox):
    one = make()
    outbox.enqueue([one])
    claimed = outbox.claim(one, NOON, 60.0)
    assert outbox.due(NOON + 60 * SECOND) == [claimed]
    assert outbox.claim(one, NOON + 60 * SECOND, 60.0) is None  # not in that version any more
    second = outbox.claim(claimed, NOON + 60 * SECOND, 60.0)
    assert second.attempts == 2
    assert outbox.due(NOON + 119 * SECOND) == []
    assert outbox.due(NOON + 120 * SECOND) == [second]


def test_a_final_delivery_cannot_be_claimed(outbox):
    for end in (lambda one: outbox.delivered(one, NOON, None), lambda one: outbox.dead(one, "550", NOON)):
        one = make()
        outbox.enqueue([one])
        claimed = outbox.claim(one, NOON, 60.0)
        end(claimed)
        later = NOON + timedelta(days=1)
        for known in (one, claimed, the(outbox, one)):
            assert outbox.claim(known, later, 60.0) is None


@pytest.mark.parametrize("rival", ["sending", "failed", "delivered", "dead"])
@pytest.mark.parametrize("outcome", ["delivered", "failed", "dead"])
def test_the_outcome_of_one_who_lost_the_claim_is_logged_and_dropped(outbox, outcome, rival, caplog):
    one = make()
    outbox.enqueue([one])
    first = outbox.claim(one, NOON, 60.0)
    later = NOON + 61 * SECOND
    second = outbox.claim(first, later, 60.0)
    if rival == "failed":
        outbox.failed(second, "rival", later + 9 * SECOND)
    elif rival == "delivered":
        outbox.delivered(second, later, "rival")
    elif rival == "dead":
        outbox.dead(second, "rival", later)
    before = the(outbox, one)
    with caplog.at_level(logging.WARNING):
        if outcome == "delivered":
            outbox.delivered(first, later, "stale")
        elif outcome == "failed":
            outbox.failed(first, "stale", later + SECOND)
        else:
            outbox.dead(first, "stale", later)
    assert the(outbox, one) == before
    assert any(str(one.delivery_id) in record.getMessage() for record in caplog.records)
    still_open = rival in ("sending", "failed")
    assert outbox.due(later + SECOND) == []
    assert len(outbox.due(later + 61 * SECOND)) == still_open


def test_a_late_outcome_counts_while_nobody_else_has_claimed_the_delivery(outbox):
    one = make()
    outbox.enqueue([one])
    claimed = outbox.claim(one, NOON, 60.0)
    outbox.delivered(claimed, NOON + timedelta(hours=1), "late")
    assert the(outbox, one).state is DELIVERED


def test_of_several_claims_at_once_exactly_one_wins(outbox):
    rivals = 4
    with ThreadPoolExecutor(rivals) as pool:
        for _ in range(10):
            one = make()
            outbox.enqueue([one])
            barrier = Barrier(rivals)

            def claim(one=one, barrier=barrier):
                barrier.wait()
                return outbox.claim(one, NOON + SECOND, 60.0)

            won = [future.result() for future in [pool.submit(claim) for _ in range(rivals)]]
            (winner,) = [claimed for claimed in won if claimed is not None]
            assert the(outbox, one) == winner
            assert winner.attempts == 1


def test_two_senders_at_once_share_the_work_without_overlap(outbox):
    several = [make(NOON + number * SECOND) for number in range(20)]
    outbox.enqueue(several)
    now = NOON + timedelta(minutes=1)

    def send_all():
        claims = [outbox.claim(one, now, 60.0) for one in outbox.due(now)]
        for claimed in claims:
            if claimed is not None:
                outbox.delivered(claimed, now, None)
        return [claimed.delivery_id for claimed in claims if claimed is not None]

    with ThreadPoolExecutor(2) as pool:
        first, second = [future.result() for future in [pool.submit(send_all) for _ in range(2)]]
    assert sorted(first + second) == sorted(one.delivery_id for one in several)
    assert outbox.counts()[DELIVERED] == 20


def test_hundreds_at_once(outbox):
    several = [make(NOON + timedelta(milliseconds=137 * number)) for number in range(700)]
    outbox.enqueue(several)
    outbox.enqueue(several[::2])
    now = NOON + timedelta(minutes=5)
    assert outbox.due(now) == several[:500]
    assert outbox.due(now, limit=1000) == several
    assert outbox.counts() == counted(PENDING=700, DELIVERED=0)
    assert outbox.get_many([one.delivery_id for one in several]) == {one.delivery_id: one for one in several}


def test_what_was_given_is_not_held_on_to(outbox):
    one = make()
    given = [one]
    outbox.enqueue(given)
    given.clear()
    found = outbox.due(NOON)
    found.clear()
    assert outbox.due(NOON) == [one]
