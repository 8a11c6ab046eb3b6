"""How fast messages go out, on a clock that only moves when somebody waits."""

import threading
from collections import Counter
from datetime import timedelta

import pytest

from include.alerts.delivery import Delivery
from include.alerts.limits import Limits, Pace, WorkQueue
from include.alerts.outbox import deliver_due
from tests.alerts.examples import alert, delivery
from tests.alerts.outbox_world import Vendor, World


class Clock:
    """Moves by as much as is waited for."""

    def __init__(self) -> None:
        self.now = 100.0
        self._lock = threading.Lock()

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds


def never(channel: str) -> bool:
    return False


def some(count: int, channel: str) -> list[Delivery]:
    return [delivery(alert(number), channel=channel) for number in range(count)]


def test_a_channel_without_a_rate_is_not_held_back() -> None:
    clock = Clock()
    queue = WorkQueue(some(1000, "email"), Pace({}, 60, clock.read, clock.sleep))
    assert len(list(iter(lambda: queue.take(never), None))) == 1000
    assert clock.now == 100.0


def test_messages_go_out_at_the_rate_in_their_order() -> None:
    clock = Clock()
    given = some(5, "sms")
    queue = WorkQueue(given, Pace({"sms": 2.0}, 60, clock.read, clock.sleep))
    taken = []
    while (one := queue.take(never)) is not None:
        taken.append((one, clock.now))
    assert taken == [(one, 100.0 + number / 2) for number, one in enumerate(given)]


def test_a_slow_channel_does_not_hold_up_the_others() -> None:
    clock = Clock()
    mixed = [one for pair in zip(some(3, "sms"), some(3, "email"), strict=True) for one in pair]
    queue = WorkQueue(mixed, Pace({"sms": 0.1}, 60, clock.read, clock.sleep))
    order = []
    while (one := queue.take(never)) is not None:
        order.append((one.channel, clock.now - 100))
    assert order == [("sms", 0), ("email", 0), ("email", 0), ("email", 0), ("sms", 10), ("sms", 20)]


def test_what_does_not_fit_into_the_run_is_left_over() -> None:
    clock = Clock()
    queue = WorkQueue([*some(100, "sms"), *some(5, "email")], Pace({"sms": 1.0}, 60, clock.read, clock.sleep))
    taken = Counter(one.channel for one in iter(lambda: queue.take(never), None))
    assert taken == {"sms": 60, "email": 5}
    assert queue.left_over == 40
    assert clock.now <= 160.0


def test_a_channel_out_of_order_is_not_waited_for() -> None:
    clock = Clock()
    queue = WorkQueue([*some(50, "sms"), *some(2, "email")], Pace({"sms": 0.1}, 600, clock.read, clock.sleep))
    assert queue.take(never) is not None
    assert [one.channel for one in iter(lambda: queue.take("sms".__eq__), None)] == ["email", "email"]
    assert (queue.left_over, clock.now) == (49, 100.0)


def test_all_senders_together_keep_to_the_rate() -> None:
    clock = Clock()
    queue = WorkQueue(some(40, "sms"), Pace({"sms": 4.0}, 60, clock.read, clock.sleep))
    taken: list[Delivery] = []

    def send() -> None:
        while (one := queue.take(never)) is not None:
            taken.append(one)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.delivery_id for one in taken}) == 40
    assert clock.now >= 100.0 + 39 / 4


def test_runs_that_share_a_pace_keep_to_it_together() -> None:
    clock = Clock()
    pace = Pace({"email": 1.0}, 60, clock.read, clock.sleep)
    world = World([alert(number, customer_id=None) for number in range(4)])
    for _ in range(2):
        deliver_due(world.outbox, world.alerts, lambda: [Vendor()], lambda: world.now, limit=2, pace=pace)
    assert clock.now == 103.0


@pytest.mark.parametrize("senders", [1, 3])
def test_what_a_run_has_no_time_for_stays_due(senders: int) -> None:
    clock = Clock()
    pace = Pace({"email": 1.0}, 5, clock.read, clock.sleep)
    world = World([alert(number, customer_id=None) for number in range(9)])
    summary = deliver_due(
        world.outbox, world.alerts, lambda: [Vendor()], lambda: world.now, senders=senders, pace=pace
    )
    assert summary.sent + summary.skipped == 9
    assert summary.skipped >= 4
    assert sum(row.attempts for row in world.outbox.rows.values()) == summary.sent
    world.now += timedelta(seconds=1)
    later = deliver_due(world.outbox, world.alerts, lambda: [Vendor()], lambda: world.now, limits=Limits())
    assert later.sent == summary.skipped


def test_a_burst_goes_out_at_once_and_the_rate_counts_from_then_on() -> None:
    clock = Clock()
    queue = WorkQueue(some(8, "slack"), Pace({"slack": 2.0}, 60, clock.read, clock.sleep, burst=4))
    begun, moments = clock.read(), []
    while queue.take(never) is not None:
        moments.append(clock.read() - begun)
    assert moments == [0, 0, 0, 0, 0.5, 1.0, 1.5, 2.0]


def test_a_channel_whose_vendor_hangs_leaves_half_of_the_senders_to_the_others() -> None:
    clock = Clock()
    given = [*some(20, "sms"), *some(20, "email")]
    queue = WorkQueue(given, Pace({}, 60, clock.read, clock.sleep), senders=6)
    under_way = [queue.take(never) for _ in range(6)]
    assert Counter(one.channel for one in under_way if one) == {"sms": 3, "email": 3}
    mail = next(one for one in under_way if one and one.channel == "email")
    queue.done(mail)
    following = queue.take(never)
    assert following is not None
    assert following.channel == "email"


def test_a_channel_alone_has_all_senders() -> None:
    clock = Clock()
    queue = WorkQueue(some(20, "sms"), Pace({}, 60, clock.read, clock.sleep), senders=6)
    assert all(queue.take(never) for _ in range(6))


def test_while_the_others_wait_for_their_turn_a_channel_leaves_them_one_sender() -> None:
    clock = Clock()
    pace = Pace({"slack": 0.1}, 60, clock.read, clock.sleep)
    queue = WorkQueue([*some(2, "slack"), *some(20, "email")], pace, senders=4)
    taken = [one.channel for one in iter(lambda: queue.take(never), None)][:5]
    assert taken == ["slack", "email", "email", "email", "slack"]
    assert clock.now >= 110.0
