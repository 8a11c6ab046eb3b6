"""The arrivals trigger: when it fires, and that nothing makes it give up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from importlib import import_module
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins import kafka_arrival
from plugins.kafka_arrival import KafkaArrivalTrigger, WakeUps
from tests.plugins.virtual_time import Arrival, Fired, World, events

#: How late floating-point sums of pauses may be.
A_LITTLE = 1e-6


def a_trigger(**changes: Any) -> KafkaArrivalTrigger:
    arguments: dict[str, Any] = {
        "topic": "transactions",
        "lake": "file:///lake",
        "poll_seconds": 0.1,
        "linger_seconds": 0.2,
        "cadence_seconds": 1.0,
        "refire_seconds": 15.0,
    }
    return KafkaArrivalTrigger(**{**arguments, **changes})


async def no_config(_self: KafkaArrivalTrigger) -> dict[str, Any]:
    return {}


def enter(monkeypatch: pytest.MonkeyPatch, world: World, config: Any = no_config) -> None:
    """Put the trigger into a world: its clock, its offsets, its connection."""
    monkeypatch.setattr(kafka_arrival, "asyncio", world)
    monkeypatch.setattr(kafka_arrival, "time", world)
    monkeypatch.setattr(kafka_arrival, "_Offsets", lambda _topic, _lake, _cursor: world)
    monkeypatch.setattr(KafkaArrivalTrigger, "_config", config)


def watch(monkeypatch: pytest.MonkeyPatch, world: World, **changes: Any) -> list[Fired]:
    """What a trigger yields in a world."""
    enter(monkeypatch, world)
    return events(a_trigger(**changes), world)


def process_all(world: World, _event: Mapping[str, Any]) -> None:
    """Processing that comes to the end at once."""
    world.processed = world.ends()


class TestWakeUps:
    def test_it_rests_while_nothing_can_be_due(self) -> None:
        wake = WakeUps(1, 15)
        assert wake.rest(100.0) == 0
        wake.fired({0: 1}, 100.0)
        assert wake.rest(100.25) == 0.75
        assert not wake.due({0: 9}, {}, 100.25)
        assert wake.rest(101.0) == 0
        assert wake.due({0: 9}, {}, 101.0)

    def test_a_long_cadence_keeps_nobody_from_telling_again(self) -> None:
        wake = WakeUps(60, 15)
        wake.fired({0: 1}, 100.0)
        assert wake.rest(100.0) == 15
        assert wake.due({0: 1}, {}, 115.0)

    def test_nothing_unprocessed_is_nothing_to_tell(self) -> None:
        assert not WakeUps(1, 15).due({0: 5}, {0: 5}, 0.0)

    def test_first_record_is_told_at_once(self) -> None:
        assert WakeUps(1, 15).due({0: 1}, {}, 0.0)

    def test_partitions_do_not_make_up_for_each_other(self) -> None:
        assert WakeUps(1, 15).due({0: 5, 1: 1}, {0: 9, 1: 0}, 0.0)

    def test_new_records_wait_for_the_cadence(self) -> None:
        wake = WakeUps(1, 15)
        wake.fired({0: 1}, 10.0)
        assert not wake.due({0: 2}, {}, 10.9)
        assert wake.due({0: 2}, {}, 11.0)

    def test_told_records_wait_for_the_refire(self) -> None:
        wake = WakeUps(1, 15)
        wake.fired({0: 2}, 10.0)
        assert not wake.due({0: 2}, {0: 1}, 24.9)
        assert wake.due({0: 2}, {0: 1}, 25.0)

    def test_keeps_no_hold_on_what_it_was_given(self) -> None:
        wake, ends = WakeUps(1, 15), {0: 1}
        wake.fired(ends, 0.0)
        ends[0] = 2
        assert wake.due({0: 2}, {}, 1.0)


class TestSerialization:
    def test_comes_back_as_it_was(self) -> None:
        trigger = a_trigger(kafka_config_id="kafka_elsewhere")
        path, arguments = trigger.serialize()
        module, _, name = path.rpartition(".")
        again = getattr(import_module(module), name)(**json.loads(json.dumps(arguments)))
        assert type(again) is KafkaArrivalTrigger
        assert again.serialize() == trigger.serialize()

    def test_nothing_is_left_to_a_default(self) -> None:
        changed = {
            "topic": "t",
            "lake": "l",
            "cursor": "labels",
            "poll_seconds": 2.0,
            "linger_seconds": 3.0,
            "cadence_seconds": 4.0,
            "refire_seconds": 5.0,
            "kafka_config_id": "k",
            "watch_seconds": 6.0,
        }
        assert KafkaArrivalTrigger(**changed).serialize()[1] == changed


def test_silence_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watch(monkeypatch, World()) == []


def test_what_has_been_processed_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watch(monkeypatch, World([Arrival(0.0, 7)], processed={0: 7})) == []


def test_an_event_says_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World([Arrival(0.0, 7), Arrival(0.0, 3, partition=1)], processed={0: 5}, act=process_all)
    (event,) = watch(monkeypatch, world)
    assert event.told == {
        "topic": "transactions",
        "unprocessed": 5,
        "end_offsets": {"0": 7, "1": 3},
    }


def test_many_arrivals_are_one_event(monkeypatch: pytest.MonkeyPatch) -> None:
    burst = World([Arrival(5 + number / 10_000) for number in range(1_000)], act=process_all)
    (event,) = watch(monkeypatch, burst)
    assert event.told["unprocessed"] == 1_000


def test_lingers_for_company(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World([Arrival(5.0), Arrival(5.15, 9)], act=process_all)
    (event,) = watch(monkeypatch, world, linger_seconds=0.2)
    assert event.told["unprocessed"] == 10
    assert 5.2 - A_LITTLE <= event.at <= 5.3 + A_LITTLE  # poll, then linger


def test_a_steady_stream_keeps_the_cadence(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = World([Arrival(number / 50) for number in range(1_000)], act=process_all, until=30)
    fired = watch(monkeypatch, stream, cadence_seconds=1.0)
    gaps = [later.at - earlier.at for earlier, later in pairwise(fired)]
    # No more often than the cadence; no later than a look and a linger after it.
    assert min(gaps) >= 1.0 - A_LITTLE
    assert max(gaps) <= 1.0 + 2 * 0.1 + 0.2 + A_LITTLE
    assert sum(event.told["unprocessed"] for event in fired) == 1_000


def test_tells_again_while_processing_does_not_move(monkeypatch: pytest.MonkeyPatch) -> None:
    def third_time_lucky(world: World, _event: Mapping[str, Any]) -> None:
        if world.now > 30:
            world.processed = world.ends()

    world = World([Arrival(0.0, 4)], act=third_time_lucky, until=200)
    fired = watch(monkeypatch, world, refire_seconds=15.0)
    assert len(fired) == 3
    assert all(later.at - earlier.at >= 15 for earlier, later in pairwise(fired))


def test_an_outage_is_waited_out_with_growing_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World([Arrival(0.0, 4)], outages=[(0, 40)], act=process_all, until=100)
    (event,) = watch(monkeypatch, world)
    assert event.told["unprocessed"] == 4
    pauses = [later - earlier for earlier, later in pairwise(world.tries) if later <= 40]
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0]


def test_an_outage_later_on_begins_with_short_pauses_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World([Arrival(65.0)], outages=[(0, 20), (60, 62)], act=process_all, until=100)
    (event,) = watch(monkeypatch, world)
    assert event.at < 66


def test_reconnects_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World([Arrival(5.0)], outages=[(1, 2)], act=process_all)
    assert len(watch(monkeypatch, world)) == 1
    first, second = world.connections
    assert (first, second >= 2) == (0, True)
    assert not world.connected, "the connection was left open at the end"


def test_a_missing_connection_is_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World([Arrival(0.0)], act=process_all)

    async def config(_self: KafkaArrivalTrigger) -> dict[str, Any]:
        if world.now < 10:
            raise LookupError("expected the connection kafka_default, found none")
        return {}

    enter(monkeypatch, world, config)
    assert len(events(a_trigger(), world)) == 1


def test_closing_it_disconnects(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World([Arrival(0.0)])

    async def first_event_then_close() -> bool:
        running = a_trigger().run()
        await anext(running)
        open_before = world.connected
        await running.aclose()
        return open_before

    enter(monkeypatch, world)
    assert asyncio.run(first_event_then_close())
    assert not world.connected


@given(
    arrivals=st.lists(
        st.builds(
            Arrival,
            at=st.floats(0, 30),
            count=st.integers(1, 500),
            partition=st.integers(0, 2),
        ),
        max_size=20,
    ),
    outages=st.lists(st.tuples(st.floats(0, 30), st.floats(0, 10)), max_size=3),
    lost=st.integers(0, 2),
)
def test_nothing_is_stranded(arrivals: list[Arrival], outages: list[tuple[float, float]], lost: int) -> None:
    """However records and outages fall, and though the first events are lost, all is processed."""
    remaining = [lost]

    def act(world: World, event: Mapping[str, Any]) -> None:
        if remaining[0]:
            remaining[0] -= 1
        else:
            world.processed = {int(partition): end for partition, end in event["end_offsets"].items()}

    spans = [(start, start + length) for start, length in outages]
    world = World(arrivals, spans, act, until=150)
    with pytest.MonkeyPatch.context() as patch:
        fired = watch(patch, world)
    assert world.processed == world.ends() or not arrivals
    assert all(later.at - earlier.at >= 1.0 - A_LITTLE for earlier, later in pairwise(fired))
