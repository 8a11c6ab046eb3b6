"""The outbox on Cassandra when processes die, dawdle, meet each other, or get no answer."""

import itertools
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
from cassandra import OperationTimedOut
from cassandra.query import BoundStatement, PreparedStatement

from include.stores.cassandra.errors import StoreUnavailable
from include.stores.cassandra.outbox_hints import MINUTE
from tests.alerts.examples import NOON
from tests.stores.cassandra.outboxes import (
    DEAD,
    DELIVERED,
    PENDING,
    SECOND,
    SENDING,
    deliver_all,
    make,
    remains,
    the,
)

pytestmark = pytest.mark.servers


class Killed(BaseException):
    """The process is gone."""


@contextmanager
def interrupted(session, at, by, sent=None):
    """Before the ``at``-th statement of a session, call ``by``; yields the statements sent so far."""
    original, sent = session.execute_async, [] if sent is None else sent

    def execute_async(*arguments, **named):
        sent.append(_text(arguments[0]))
        if len(sent) == at:
            by()
        return original(*arguments, **named)

    session.execute_async = execute_async
    try:
        yield sent
    finally:
        session.execute_async = original


def _text(statement):
    if isinstance(statement, BoundStatement):
        statement = statement.prepared_statement
    return statement.query_string if isinstance(statement, PreparedStatement) else "a batch"


def die():
    raise Killed


def life_of_two(outbox):
    """Every statement of the store: two deliveries fail, are delivered, and their minutes are closed."""
    outbox.enqueue([make(), make(NOON + MINUTE)])
    now = NOON + MINUTE
    for _ in range(2):
        for found in outbox.due(now):
            claimed = outbox.claim(found, now, 60.0)
            if claimed.attempts == 1:
                outbox.failed(claimed, "450 busy", now + 5 * SECOND)
            else:
                outbox.delivered(claimed, now, "vendor")
        now += MINUTE
    outbox.due(now + 2 * MINUTE)


def test_killed_between_any_two_statements_no_delivery_is_stranded(session, outbox, other):
    for at in itertools.count(1):
        with interrupted(session, at, die) as sent, suppress(Killed):
            life_of_two(outbox)
        # Nobody enqueues again: what is there has to be found by its hints alone.
        deliver_all(other, NOON + timedelta(hours=1))
        counts = other.counts()
        assert counts[PENDING] == counts[SENDING] == counts[DEAD] == 0, f"stranded before {sent[-1]}"
        if at > len(sent):
            break
    assert at > 20, "the flow is shorter than the test believes"
    assert other.counts()[DELIVERED] > at


def test_a_batch_killed_while_enqueuing_is_enqueued_again_and_delivered(session, outbox, other):
    for at in itertools.count(1):
        batch = [make(), make(NOON + MINUTE), make()]
        with interrupted(session, at, die) as sent, suppress(Killed):
            outbox.enqueue(batch)
        other.due(NOON + timedelta(hours=1))  # a reader in between must not drop what leads to nothing yet
        other.enqueue(batch)
        deliver_all(other, NOON + timedelta(hours=1))
        found = other.get_many([one.delivery_id for one in batch])
        assert {one.state for one in found.values()} == {DELIVERED}
        assert len(found) == 3
        if at > len(sent):
            break
    assert at > 5


def _minute_to_close(outbox, session):
    """A finished delivery whose hint is still there, in a minute that is over."""
    one = make()
    outbox.enqueue([one])
    outbox.delivered(outbox.claim(one, NOON, 60.0), NOON, None)
    assert remains(session, "outbox_open_minutes") == 1


def test_a_writer_at_any_moment_of_a_reader_is_not_stranded(session, outbox, other):
    for at in itertools.count(1):
        _minute_to_close(other, session)
        newcomer = make(NOON + 5 * SECOND)
        with interrupted(session, at, lambda one=newcomer: other.enqueue([one])) as sent:
            outbox.due(NOON + 2 * MINUTE)
        if at > len(sent):
            break
        assert other.due(NOON + 2 * MINUTE) == [newcomer], f"stranded by a write before {sent[at - 1]}"
        deliver_all(other, NOON + 2 * MINUTE)
    assert at > 6, "the reader is shorter than the test believes"


def test_a_reader_at_any_moment_of_a_writer_strands_nothing(session, outbox, other):
    for write in ("enqueue", "failed"):
        for at in itertools.count(1):
            _minute_to_close(other, session)
            newcomer = make(NOON + 5 * SECOND)
            if write == "failed":
                other.enqueue([newcomer])
                claimed = other.claim(newcomer, NOON + 5 * SECOND, 600.0)
            with interrupted(session, at, lambda: other.due(NOON + 2 * MINUTE)) as sent:
                if write == "failed":
                    outbox.failed(claimed, "450", NOON + 50 * SECOND)
                else:
                    outbox.enqueue([newcomer])
            found = other.due(NOON + 3 * MINUTE)
            assert [one.delivery_id for one in found] == [newcomer.delivery_id], f"{write}, {sent}"
            deliver_all(other, NOON + 3 * MINUTE)
            if at > len(sent):
                break
        assert at > 3


def test_a_minute_being_closed_is_reopened_by_whoever_writes_into_it(session, outbox, other):
    _minute_to_close(other, session)
    with suppress(Killed):
        for at in itertools.count(1):  # dies with the minute marked, and never comes back
            with interrupted(session, at, die) as sent:
                outbox.due(NOON + 2 * MINUTE)
            marked = [
                row for row in session.execute("SELECT closing FROM outbox_open_minutes") if row.closing
            ]
            if marked:
                break
    newcomer = make(NOON + 5 * SECOND)
    other.enqueue([newcomer])
    assert [row.closing for row in session.execute("SELECT closing FROM outbox_open_minutes")] == [None], sent
    assert other.due(NOON + 2 * MINUTE) == [newcomer]


def test_a_writer_whose_clock_is_behind_opens_a_closed_minute_all_the_same(
    session, outbox, other, monkeypatch
):
    _minute_to_close(other, session)
    for _ in range(2):
        other.due(NOON + 2 * MINUTE)
    assert remains(session, "outbox_open_minutes") == 0
    monkeypatch.setattr(
        session.cluster, "timestamp_generator", lambda: 1
    )  # what it writes, a tombstone covers
    newcomer = make(NOON + 5 * SECOND)
    outbox.enqueue([newcomer])
    assert other.due(NOON + 2 * MINUTE) == [newcomer]


@contextmanager
def answers_lost(session, times, *, applied):
    """The first ``times`` compare-and-sets time out, having been applied or not."""
    original, left = session.execute_async, [times]

    def execute_async(*arguments, **named):
        if " IF " in _text(arguments[0]) and left[0]:
            left[0] -= 1
            if applied:
                original(*arguments, **named).result()
            raise OperationTimedOut
        return original(*arguments, **named)

    session.execute_async = execute_async
    try:
        yield
    finally:
        session.execute_async = original


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("times", [1, 3])
def test_a_change_whose_answer_is_lost_is_found_out(session, outbox, applied, times):
    one = make()
    with answers_lost(session, times, applied=applied):
        outbox.enqueue([one])
    assert outbox.due(NOON) == [one]
    with answers_lost(session, times, applied=applied):
        claimed = outbox.claim(one, NOON, 60.0)
    assert the(outbox, one) == claimed
    assert (claimed.state, claimed.attempts) == (SENDING, 1)
    with answers_lost(session, times, applied=applied):
        outbox.failed(claimed, "450", NOON + SECOND)
    assert the(outbox, one).state is PENDING
    second = outbox.claim(the(outbox, one), NOON + SECOND, 60.0)
    with answers_lost(session, times, applied=applied):
        outbox.delivered(second, NOON + SECOND, "vendor")
    assert the(outbox, one).state is DELIVERED


def test_a_lost_answer_does_not_make_a_rivals_claim_ours(session, outbox, other):
    one = make()
    outbox.enqueue([one])
    original, first = session.execute_async, [True]

    def execute_async(*arguments, **named):
        if " IF " in _text(arguments[0]) and first.pop():
            first.append(False)
            assert other.claim(one, NOON, 60.0) is not None  # the same moment, lease and attempt
            raise OperationTimedOut
        first.append(False)
        return original(*arguments, **named)

    session.execute_async = execute_async
    try:
        assert outbox.claim(one, NOON, 60.0) is None
    finally:
        session.execute_async = original


def test_a_claim_that_takes_effect_after_it_was_given_up_is_ours_all_the_same(session, outbox):
    one = make()
    outbox.enqueue([one])
    original, late = session.execute_async, []

    def execute_async(*arguments, **named):
        if " IF " in _text(arguments[0]):
            if not late:
                late.append((arguments, named))
                raise OperationTimedOut
            first_arguments, first_named = late[0]
            original(*first_arguments, **first_named).result()
        return original(*arguments, **named)

    session.execute_async = execute_async
    try:
        claimed = outbox.claim(one, NOON, 60.0)
    finally:
        session.execute_async = original
    assert claimed == the(outbox, one)


def test_when_nothing_can_be_known_that_is_what_is_said(session, outbox):
    one = make()
    outbox.enqueue([one])
    with (
        answers_lost(session, 100, applied=False),
        pytest.raises(StoreUnavailable, match="expected an answer"),
    ):
        outbox.claim(one, NOON, 60.0)
    assert outbox.due(NOON) == [one]
    with answers_lost(session, 100, applied=False), pytest.raises(StoreUnavailable):
        outbox.enqueue([make()])


def test_nothing_is_left_behind_once_all_is_done(session, outbox):
    life_of_two(outbox)
    assert remains(session, "outbox_due") == 0
    assert remains(session, "outbox_open_minutes") == 0
    assert remains(session, "outbox") == 2


def test_a_minute_stays_open_until_it_is_over(session, outbox):
    _minute_to_close(outbox, session)
    outbox.due(NOON + 59 * SECOND)
    assert remains(session, "outbox_due") == 0
    assert remains(session, "outbox_open_minutes") == 1
    outbox.due(NOON + 60 * SECOND)
    assert remains(session, "outbox_open_minutes") == 0


def test_many_minutes_are_closed_a_few_at_a_time(session, outbox):
    outbox.enqueue([make(NOON + number * MINUTE) for number in range(130)])
    deliver_all(outbox, NOON + timedelta(days=1))
    for _ in range(3):
        outbox.due(NOON + timedelta(days=1))
    assert remains(session, "outbox_open_minutes") == 0
    assert remains(session, "outbox_due") == 0


def test_the_common_steps_take_few_statements(session, outbox):
    one = make()
    with interrupted(session, 0, die) as sent:
        assert outbox.due(NOON) == []
        assert len(sent) == 1
        outbox.enqueue([one])
        outbox.due(NOON)
        sent.clear()
        outbox.enqueue([make(NOON + SECOND)])
        assert (
            len(sent) == 4
        )  # the hint, a look whether its minute is open, the list of the day, the delivery
        sent.clear()
        claimed = outbox.claim(one, NOON, 60.0)
        outbox.delivered(claimed, NOON, None)
        assert len(sent) == 2


def test_what_is_left_of_a_delivery_whose_time_to_live_is_over_is_nothing(session, outbox):
    one, expiring = make(), make()
    outbox.enqueue([one, expiring])
    # Changes live longer than what was enqueued with them: the rest of the row goes first.
    session.execute(
        "UPDATE outbox SET alert_id = null, channel = null, created_at = null WHERE delivery_id = %s",
        (expiring.delivery_id,),
    )
    assert outbox.due(NOON) == [one]
    assert outbox.get_many([expiring.delivery_id]) == {}
    assert outbox.counts()[PENDING] == 1
