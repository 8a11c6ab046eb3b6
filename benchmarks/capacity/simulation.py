"""The chain as a simulation: batches go through the steps and compete for processors. It checks what the plan says.

Steps are in order and do one batch at a time, as the pools of the DAGs have it; a step's work is the processor time it
takes alone, and what the rest of the stack needs (Airflow, the forks of tasks) is spread over the hops. Processors are
shared in slices, so whatever runs beside a step makes it longer.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import simpy

from benchmarks.capacity.costs import HOPS, Costs
from benchmarks.capacity.plan import ways
from benchmarks.lag import lag_growth

_SLICE_SECONDS = 0.02
#: Tasks with a pool of one slot; ``process`` is Spark's query and settling.
_POOLS = ("process", "score", "raise alerts", "load")


@dataclass
class Course:
    """What a simulated stretch came to.

    Attributes
    ----------
    decided, alerted, stored
        Seconds from arrival, one a record in each array.
    waiting
        Records that had arrived and were not decided, looked at once a second.
    """

    decided: list[np.ndarray] = field(default_factory=list)
    alerted: list[np.ndarray] = field(default_factory=list)
    stored: list[np.ndarray] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)

    def quantile(self, of: str, share: float) -> float:
        """Seconds; of ``decided``, ``alerted`` or ``stored``."""
        return float(np.quantile(np.concatenate(getattr(self, of)), share))

    @property
    def lag_growth(self) -> float:
        """See ``benchmarks.lag``; 0 where the stretch is too short to tell."""
        return lag_growth(range(len(self.waiting)), self.waiting, len(self.waiting)) or 0.0


@dataclass(frozen=True, slots=True)
class Lane:
    """A chain to be simulated.

    Attributes
    ----------
    rate
        Records a second that arrive, one by one at random.
    cores
        Processors everything competes for.
    executors
        Processors Spark spreads work over.
    cadence_seconds
        Least time between two wake-ups.
    """

    rate: float
    cores: int
    executors: int = 2
    cadence_seconds: float = 1.0


def simulate(costs: Costs, lane: Lane, seconds: float, seed: int = 7) -> Course:
    """Let a lane run for so long, and until what had arrived is through.

    Raises
    ------
    ValueError
        Nothing arrives.
    """
    if lane.rate <= 0 or seconds <= 0:
        raise ValueError(f"expected a rate and a time above 0, got {lane.rate:g} a second for {seconds:g} s")
    run = _Run(costs, lane, seconds, seed)
    run.until_through()
    return run.course


class _Run:
    def __init__(self, costs: Costs, lane: Lane, seconds: float, seed: int) -> None:
        self._costs, self._lane, self._seconds = costs, lane, seconds
        steps = sum(step.batch for step in costs.steps.values())
        #: Processor seconds of a batch that are no step's.
        self._beside = max(sum(part.batch for part in costs.parts.values()) - steps, 0.0)
        self._world = simpy.Environment()
        self._processors = simpy.Resource(self._world, lane.cores)
        self._turn = {step: simpy.Resource(self._world, 1) for step in _POOLS}
        between = np.random.default_rng(seed).exponential(1 / lane.rate, int(lane.rate * seconds * 1.2) + 100)
        at = np.cumsum(between)
        self._at = at[at < seconds]
        self._taken = self._decided = 0
        self.course = Course()

    def until_through(self) -> None:
        """Run to the end."""
        done = self._world.process(self._wake_ups())
        self._world.process(self._look())
        self._world.run(done)

    def _look(self) -> Generator[Any, Any, None]:
        while self._world.now < self._seconds:
            self.course.waiting.append(self._arrived() - self._decided)
            yield self._world.timeout(1)

    def _arrived(self) -> int:
        return int(np.searchsorted(self._at, self._world.now, side="right"))

    def _wake_ups(self) -> Generator[Any, Any, None]:
        """The trigger: not more often than the cadence, and one run of the first step at a time."""
        flows = []
        while self._taken < len(self._at):
            if self._arrived() == self._taken:
                yield self._world.timeout(max(self._at[self._taken] - self._world.now, 1e-3))
                continue
            began = self._world.now
            with self._turn["process"].request() as turn:
                yield turn
                yield from self._hop("Spark")
                upto = self._arrived()
                batch, self._taken = self._at[self._taken : upto], upto
                yield from self._work("Spark", len(batch))
                yield from self._work("settle", len(batch))
            flows.append(self._world.process(self._downstream(batch)))
            yield self._world.timeout(max(began + self._lane.cadence_seconds - self._world.now, 0))
        yield simpy.AllOf(self._world, flows)

    def _downstream(self, batch: np.ndarray) -> Generator[Any, Any, None]:
        yield from self._step("score", len(batch))
        self._decided += len(batch)
        self.course.decided.append(self._world.now - batch)
        yield simpy.AllOf(self._world, [
            self._world.process(self._last("raise alerts", self.course.alerted, batch)),
            self._world.process(self._last("load", self.course.stored, batch)),
        ])  # fmt: skip

    def _last(self, step: str, into: list[np.ndarray], batch: np.ndarray) -> Generator[Any, Any, None]:
        yield from self._step(step, len(batch))
        into.append(self._world.now - batch)

    def _step(self, step: str, records: int) -> Generator[Any, Any, None]:
        # A step's turn is asked for before the hop: batches keep their order.
        with self._turn[step].request() as turn:
            yield from self._hop(step)
            yield turn
            yield from self._work(step, records)

    def _hop(self, step: str) -> Generator[Any, Any, None]:
        """Airflow's way to a step: at least as long as measured, longer where processors are busy."""
        began = self._world.now
        yield from self._use(self._beside / len(HOPS))
        left = self._costs.hops.get(step, 0.0) - (self._world.now - began)
        yield self._world.timeout(max(left, 0.0))

    def _work(self, step: str, records: int) -> Generator[Any, Any, None]:
        cost = self._costs.steps[step]
        yield from self._use(cost.batch)
        several = max(int(min(ways(step, self._lane.executors), self._lane.cores)), 1)
        share = records * cost.record / several
        if several == 1 or share < _SLICE_SECONDS:
            yield from self._use(records * cost.record)
        else:
            yield simpy.AllOf(self._world, [self._world.process(self._use(share)) for _ in range(several)])

    def _use(self, seconds: float) -> Generator[Any, Any, None]:
        for piece in _slices(seconds):
            with self._processors.request() as place:
                yield place
                yield self._world.timeout(piece)


def _slices(seconds: float) -> Iterator[float]:
    """Longer slices for longer work, so that a large batch is a few hundred events and not many thousand."""
    length = max(_SLICE_SECONDS, seconds / 200)
    while seconds > 1e-9:
        yield min(length, seconds)
        seconds -= length
