"""A topic, its processing and a clock that stands still unless somebody sleeps: no test waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow.triggers.base import TriggerEvent

from plugins.kafka_arrival import KafkaArrivalTrigger


class TimeIsUp(BaseException):
    """The time a test looks at has passed."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Records that arrive at a partition."""

    at: float
    count: int = 1
    partition: int = 0


@dataclass
class World:
    """What the trigger sees.

    Attributes
    ----------
    outages
        (from, until) in which neither broker nor lake answers.
    act
        What an event sets off; it may move ``processed``.
    """

    arrivals: Sequence[Arrival] = ()
    outages: Sequence[tuple[float, float]] = ()
    act: Callable[[World, Mapping[str, Any]], None] = lambda _world, _event: None
    until: float = 60.0
    now: float = 0.0
    processed: dict[int, int] = field(default_factory=dict)
    tries: list[float] = field(default_factory=list)
    connections: list[float] = field(default_factory=list)
    connected: bool = False

    def ends(self) -> dict[int, int]:
        """End offset of each partition now."""
        partitions = {arrival.partition for arrival in self.arrivals} | {0}
        return {
            partition: sum(
                arrival.count
                for arrival in self.arrivals
                if arrival.partition == partition and arrival.at <= self.now
            )
            for partition in partitions
        }

    def _answer(self) -> None:
        self.tries.append(self.now)
        if any(start <= self.now < end for start, end in self.outages):
            raise ConnectionError("expected an answer, got none")

    # What the trigger calls its offsets.

    def connect(self, _config: Mapping[str, Any]) -> None:
        self._answer()
        self.connections.append(self.now)
        self.connected = True

    def look(self) -> tuple[dict[int, int], dict[int, int]]:
        assert self.connected
        self._answer()
        return self.ends(), dict(self.processed)

    def disconnect(self) -> None:
        self.connected = False

    # What the trigger calls asyncio and time.

    CancelledError = asyncio.CancelledError

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0, "a loop without a pause"
        self.now += seconds
        if self.now > self.until:
            raise TimeIsUp

    async def to_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)

    def monotonic(self) -> float:
        return self.now


@dataclass(frozen=True, slots=True)
class Fired:
    """An event and when it was yielded."""

    at: float
    told: Mapping[str, Any]


def events(trigger: KafkaArrivalTrigger, world: World) -> list[Fired]:
    """Everything the trigger yields until the world's time is up."""
    fired: list[Fired] = []

    async def watch() -> None:
        async for event in trigger.run():
            assert isinstance(event, TriggerEvent)
            fired.append(Fired(world.now, event.payload))
            world.act(world, event.payload)

    try:
        asyncio.run(watch())
    except TimeIsUp:
        return fired
    raise AssertionError("expected the trigger to go on for ever, but it ended")
