"""What a rate needs: lanes, processors of each part, nodes, partitions, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.capacity.costs import Costs

#: Steps that one process does for a whole batch, see docs/decisions/0005 and 0007; the others spread over executors.
ONE_PROCESS = ("settle", "raise alerts", "load")
#: Processors the other steps were measured on: a Spark of two, and one task.
MEASURED_ON = {"Spark": 2, "score": 1}
#: Copies of every record and row; each is written by a node of its own.
COPIES = 3
_COPIED = ("kafka", "cassandra")


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is chosen and not measured."""

    busy: float = 0.6  # of a processor, at most; the rest is for peaks, repairs and a node that is away
    busy_step: float = 0.75  # of the time between two batches that a step may take
    node_cores: int = 8
    cadence_seconds: float = 1.0
    longest_batch_seconds: float = 5.0  # between two batches; beyond that seconds to an alert are lost
    most_records_a_partition: float = 5_000.0  # a second
    price_a_core_hour: float = 0.05  # in whatever currency


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rate needs.

    Attributes
    ----------
    lanes
        Chains side by side, each with a topic, a keyspace and DAGs of its own.
    batch_seconds
        From one batch of a lane to its next.
    cores
        Processors by part, copies included, before they are spread over nodes.
    executors
        Processors of Spark a lane needs so that parsing and scoring keep up.
    first
        What is nearest to its limit, and how near.
    """

    rate: float
    lanes: int
    batch_seconds: float
    cores: Mapping[str, float]
    executors: int
    partitions: int
    nodes: Mapping[str, int]
    first: tuple[str, float]

    @property
    def all_cores(self) -> int:
        """Processors to be had."""
        return math.ceil(sum(self.cores.values()))


def lane_limit(costs: Costs, chosen: Assumptions) -> tuple[str, float]:
    """The step one process does that is slowest, and how many records a second it lets through in a lane."""
    name = max(ONE_PROCESS, key=lambda step: costs.steps[step].record)
    step, longest = costs.steps[name], chosen.longest_batch_seconds
    return name, (chosen.busy_step * longest - step.batch) / (longest * step.record)


def plan(costs: Costs, rate: float, chosen: Assumptions | None = None) -> Plan:
    """What a rate needs.

    Parameters
    ----------
    rate
        Transactions a second.

    Raises
    ------
    ValueError
        A step takes longer for an empty batch than there may be between two: no number of machines helps.
    """
    chosen = chosen or Assumptions()
    bottleneck, most = lane_limit(costs, chosen)
    if most <= 0:
        raise ValueError(
            f"expected {bottleneck} to take less than {chosen.busy_step * chosen.longest_batch_seconds:.1f} s for an "
            f"empty batch, it took {costs.steps[bottleneck].batch:.1f} s; take a longer longest_batch_seconds"
        )
    lanes = math.ceil(rate / most)
    lane_rate = rate / lanes
    executors = _executors(costs, lane_rate, chosen)
    between = batch_seconds(costs, lane_rate, executors, chosen)
    cores = {
        name: (COPIES if name in _COPIED else 1)
        * (cost.batch * lanes / between + cost.record * rate)
        / chosen.busy
        for name, cost in costs.parts.items()
    }
    nodes = {
        name: max(COPIES if name in _COPIED else 1, math.ceil(needed / chosen.node_cores))
        for name, needed in cores.items()
    }
    shares = {
        step: costs.steps[step].of(lane_rate * between) / ways(step, executors) / between
        for step in costs.steps
    }
    name = max(shares, key=lambda step: shares[step])
    return Plan(
        rate,
        lanes,
        between,
        cores,
        executors,
        max(6, lanes * executors, math.ceil(rate / chosen.most_records_a_partition)),
        nodes,
        (name, shares[name]),
    )


def batch_seconds(costs: Costs, rate: float, executors: int, chosen: Assumptions) -> float:
    """Shortest time between two batches in which every step gets its batch done, no shorter than the cadence."""
    needed = [chosen.cadence_seconds]
    for name, step in costs.steps.items():
        left = chosen.busy_step - rate * step.record / ways(name, executors)
        needed.append(step.batch / left if left > 0 else math.inf)
    return min(max(needed), chosen.longest_batch_seconds)


def _executors(costs: Costs, rate: float, chosen: Assumptions) -> int:
    """As many as let what Spark spreads keep up, at least the two everything was measured with."""
    longest, needed = chosen.longest_batch_seconds, [2.0]
    for name, processors in MEASURED_ON.items():
        step = costs.steps[name]
        left = chosen.busy_step * longest - min(step.batch, longest / 2)
        needed.append(processors * longest * rate * step.record / left)
    return math.ceil(max(needed))


def ways(step: str, executors: int) -> float:
    """In how many parts at a time a step's work is done, against how it was measured."""
    return executors / MEASURED_ON[step] if step in MEASURED_ON else 1.0
