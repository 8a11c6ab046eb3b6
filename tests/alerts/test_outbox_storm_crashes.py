"""Digests: whatever dies or meets, nothing is lost and nothing told twice."""

import itertools
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.alerts.alert import Alert
from include.alerts.outbox import deliver_due, enqueue_alerts
from tests.alerts.outbox_world import ROUTER, Crash, Crashing, Killed, Vendor, World
from tests.alerts.storm_world import (
    EVERY,
    PENDING,
    WRITING,
    Desk,
    DiesBefore,
    OnlyDigests,
    assert_told_once,
    run,
    run_out,
    some,
)


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
        run(world, vendor, outbox=DiesBefore(world.outbox, "fold"))  # all four but two are candidates
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
