"""What every OutboxStore keeps to: digests, what was sent lately, and what people look at."""

import dataclasses
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise

import pytest

from include.alerts.delivery import DeliveryState, Place, place_key
from include.alerts.limits import SentKey
from tests.alerts.examples import NOON, alert, delivery
from tests.stores.cassandra.outboxes import make, the

PENDING, SENDING, DELIVERED, DEAD, DIGESTED = DeliveryState
SECOND = timedelta(seconds=1)
MANY = 10_000


def ids(deliveries):
    return [one.delivery_id for one in deliveries]


# digests


def test_a_digest_holds_what_was_added_until_it_is_sealed(outbox):
    digest, first, second = uuid.uuid4(), ids([make(), make()]), ids([make()])
    assert outbox.add_to_digest(digest, uuid.uuid4(), first, MANY)
    assert outbox.add_to_digest(digest, uuid.uuid4(), second, MANY)
    assert set(outbox.seal_digest(digest)) == {*first, *second}
    assert not outbox.add_to_digest(digest, uuid.uuid4(), ids([make()]), MANY)
    assert outbox.seal_digest(digest) == outbox.seal_digest(digest)
    assert set(outbox.seal_digest(digest)) == {*first, *second}


def test_the_same_part_again_changes_nothing(outbox):
    digest, part, some = uuid.uuid4(), uuid.uuid4(), ids([make(), make()])
    assert outbox.add_to_digest(digest, part, some, 2)
    assert outbox.add_to_digest(digest, part, some, 2)
    assert set(outbox.seal_digest(digest)) == set(some)


def test_a_digest_nothing_was_added_to_is_sealed_empty(outbox):
    digest = uuid.uuid4()
    assert outbox.seal_digest(digest) == []
    assert not outbox.add_to_digest(digest, uuid.uuid4(), ids([make()]), MANY)
    assert outbox.seal_digest(digest) == []
    assert outbox.digest_members(digest) == []


def test_a_digest_takes_no_more_than_it_may_hold(outbox):
    digest = uuid.uuid4()
    assert outbox.add_to_digest(
        digest, uuid.uuid4(), ids([make() for _ in range(4)]), 3
    )  # alone: whatever it is
    assert not outbox.add_to_digest(digest, uuid.uuid4(), ids([make()]), 3)
    assert outbox.add_to_digest(digest, uuid.uuid4(), ids([make()]), 5)


def test_of_those_who_add_and_one_who_seals_all_agree_what_is_in(outbox):
    for _ in range(10):
        digest = uuid.uuid4()
        parts = {uuid.uuid4(): ids([make()]) for _ in range(4)}
        with ThreadPoolExecutor(5) as pool:
            added = {
                part: pool.submit(outbox.add_to_digest, digest, part, some, MANY)
                for part, some in parts.items()
            }
            sealed = pool.submit(outbox.seal_digest, digest).result()
            accepted = {key for part, some in parts.items() if added[part].result() for key in some}
        assert set(sealed) == set(outbox.seal_digest(digest)) == accepted


def test_only_what_has_never_been_tried_is_folded(outbox):
    digest, other = uuid.uuid4(), uuid.uuid4()
    new, sending, failed, delivered, dead, elsewhere = (make() for _ in range(6))
    outbox.enqueue([new, sending, failed, delivered, dead, elsewhere])
    outbox.claim(sending, NOON, 60.0)
    outbox.failed(outbox.claim(failed, NOON, 60.0), "450", NOON + SECOND)
    outbox.delivered(outbox.claim(delivered, NOON, 60.0), NOON, None)
    outbox.dead(outbox.claim(dead, NOON, 60.0), "550", NOON)
    assert outbox.fold([elsewhere.delivery_id], other) == 1
    everything = [new, sending, failed, delivered, dead, elsewhere]
    before = outbox.get_many(ids(everything))
    missing = uuid.uuid4()
    assert outbox.fold([*ids(everything), new.delivery_id, missing], digest) == 1
    after = outbox.get_many(ids(everything))
    assert after.pop(new.delivery_id) == dataclasses.replace(new, state=DIGESTED, digest_id=digest)
    assert after == {key: one for key, one in before.items() if key != new.delivery_id}
    assert outbox.get_many([missing]) == {}
    assert outbox.fold([new.delivery_id], digest) == 0


def test_members_are_the_candidates_that_were_folded_under_this_digest(outbox):
    digest, other = uuid.uuid4(), uuid.uuid4()
    several = [make(NOON + number * SECOND) for number in range(4)]
    outbox.enqueue(several)
    outbox.add_to_digest(digest, uuid.uuid4(), ids(several[::-1]), MANY)
    outbox.claim(several[0], NOON, 60.0)
    outbox.fold(ids(several[1:2]), other)
    outbox.fold(ids(several[2:]), digest)
    assert ids(outbox.digest_members(digest)) == ids(several[2:])


def test_what_is_folded_is_final(outbox):
    one = make()
    outbox.enqueue([one])
    assert outbox.fold([one.delivery_id], uuid.uuid4()) == 1
    folded = the(outbox, one)
    assert outbox.due(NOON + timedelta(days=1)) == []
    assert outbox.claim(one, NOON, 60.0) is None
    assert outbox.claim(folded, NOON, 60.0) is None
    assert not outbox.dead_again(folded, NOON)
    outbox.enqueue([one])
    assert the(outbox, one) == folded
    assert outbox.counts()[DIGESTED] == 1


def test_of_a_claim_and_a_fold_at_once_exactly_one_wins(outbox):
    with ThreadPoolExecutor(2) as pool:
        for _ in range(15):
            one = make()
            outbox.enqueue([one])
            claim = pool.submit(outbox.claim, one, NOON, 60.0)
            fold = pool.submit(outbox.fold, [one.delivery_id], uuid.uuid4())
            assert (claim.result() is not None) + fold.result() == 1
            assert the(outbox, one).state is (SENDING if claim.result() else DIGESTED)


# what was sent lately


def test_what_all_runs_have_sent_in_two_minutes_is_known(outbox):
    def key(seconds=0, recipient="desk", channel="email"):
        return SentKey(NOON + timedelta(seconds=seconds), channel, recipient)

    assert outbox.sent_lately(NOON) == {}
    first, second = uuid.uuid4(), uuid.uuid4()
    outbox.note_sent(first, {key(): 3, key(-60): 5, key(-120): 99, key(recipient="lead"): 1})
    outbox.note_sent(second, {key(): 4, key(channel="sms"): 2})
    expected = {key(): 7, key(-60): 5, key(recipient="lead"): 1, key(channel="sms"): 2}
    assert outbox.sent_lately(NOON + 59 * SECOND) == expected
    outbox.note_sent(second, {key(): 4})
    assert outbox.sent_lately(NOON) == expected
    assert outbox.sent_lately(NOON + 60 * SECOND)[key()] == 7
    assert key(-60) not in outbox.sent_lately(NOON + 60 * SECOND)
    outbox.note_sent(second, {})


# what people do


def test_a_dead_delivery_is_sent_again(outbox):
    one = make()
    outbox.enqueue([one])
    outbox.dead(outbox.claim(one, NOON, 60.0), "550", NOON + SECOND)
    dead = the(outbox, one)
    later = NOON + timedelta(hours=1, microseconds=7)
    assert outbox.dead_again(dead, later)
    again = the(outbox, one)
    assert again == dataclasses.replace(dead, state=PENDING, next_attempt_at=later, forgiven=1)
    assert again.tries == 0
    assert outbox.due(later - timedelta(microseconds=1)) == []
    assert outbox.due(later) == [again]
    assert not outbox.dead_again(dead, later)
    second = outbox.claim(again, later, 60.0)
    assert (second.attempts, second.tries) == (2, 1)
    outbox.delivered(second, later, "v")
    assert the(outbox, one).state is DELIVERED


def test_only_a_dead_delivery_is_sent_again_and_only_in_the_version_seen(outbox):
    one = make()
    outbox.enqueue([one])
    assert not outbox.dead_again(one, NOON)
    claimed = outbox.claim(one, NOON, 60.0)
    assert not outbox.dead_again(claimed, NOON)
    outbox.dead(claimed, "550", NOON)
    first = the(outbox, one)
    assert outbox.dead_again(first, NOON)
    outbox.dead(outbox.claim(the(outbox, one), NOON, 60.0), "550 again", NOON)
    assert not outbox.dead_again(first, NOON)
    assert outbox.dead_again(the(outbox, one), NOON)
    assert not outbox.dead_again(dataclasses.replace(make(), state=DEAD, attempts=1), NOON)


def test_deliveries_of_an_alert(outbox):
    about, other = alert(1), alert(2)
    rows = [delivery(about, recipient=f"{n}@example.com", created_at=NOON + n * SECOND) for n in (3, 1, 2)]
    outbox.enqueue([*rows, delivery(other)])
    outbox.claim(rows[0], NOON + SECOND, 60.0)
    found = outbox.of_alert(about.alert_id)
    assert [one.recipient[0] for one in found] == ["1", "2", "3"]
    assert found[2].state is SENDING
    assert outbox.of_alert(uuid.uuid4()) == []


def stored(outbox, count=60):
    """Deliveries of three days, many of them made at the same moment, in several states and channels."""
    rows = []
    for number in range(count):
        at = NOON + timedelta(days=number % 3, microseconds=number // 10)
        rows.append(make(at, created_at=at, channel=("email", "sms")[number % 2]))
    outbox.enqueue(rows)
    much_later = NOON + timedelta(days=9)
    for number, one in enumerate(rows):
        if number % 5 == 0:
            outbox.dead(outbox.claim(one, much_later, 60.0), "550", much_later)
        elif number % 5 == 1:
            outbox.delivered(outbox.claim(one, much_later, 60.0), much_later, None)
    return sorted(outbox.get_many(ids(rows)).values(), key=place_key)


def test_the_newest_come_first(outbox):
    everything = stored(outbox)
    assert outbox.recent(1000) == everything
    assert outbox.recent(7) == everything[:7]
    assert all(later.created_at >= earlier.created_at for later, earlier in pairwise(outbox.recent(1000)))


@pytest.mark.parametrize("size", [1, 7, 59])
@pytest.mark.parametrize("state", [None, DEAD, PENDING, DELIVERED])
@pytest.mark.parametrize("channel", [None, "sms"])
def test_pages_hold_everything_once(outbox, size, state, channel):
    everything = stored(outbox)
    wanted = [one for one in everything if state in (None, one.state) and channel in (None, one.channel)]
    found, after = [], None
    while page := outbox.recent(size, state, channel, after):
        found += page
        assert len(page) <= size
        after = Place.of(page[-1])
    assert found == wanted
    assert len(wanted) >= 6


def test_what_comes_in_between_two_pages_moves_nothing(outbox):
    everything = stored(outbox, 20)
    first = outbox.recent(10)
    outbox.enqueue([make(NOON + timedelta(days=20))])
    assert outbox.recent(100, after=Place.of(first[-1])) == everything[10:]


def test_an_empty_outbox_has_no_pages(outbox):
    assert outbox.recent(10) == []
    assert outbox.recent(10, DEAD, "sms", Place(NOON, uuid.uuid4())) == []
