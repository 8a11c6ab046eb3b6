"""What a batch and a record cost, fitted to the figures of ``make bench``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import nnls

from benchmarks.memory import OURSELVES

#: Steps of the chain, the part of ``limits`` that tells what a record costs in each, and the step of ``growth`` that
#: tells what a small batch takes.
STEPS = {
    "Spark": ("Spark: read, parse, validate", "process"),
    "settle": ("settle: repetitions, dead letters, lake", "process"),
    "score": ("score: features, rules, states", "score"),
    "raise alerts": ("raise alerts", "raise alerts"),
    "load": ("load into Cassandra", "load"),
}
#: Airflow's way from the end of one task's work to the beginning of the next one's, by the step it leads to.
HOPS = {
    "Spark": "wait for a run",
    "score": "hop to scoring",
    "raise alerts": "hop to alerting",
    "load": "hop to loading",
}


class FiguresMissing(ValueError):
    """The report has not measured what the model needs."""


@dataclass(frozen=True, slots=True)
class Cost:
    """So much a batch, and so much more a record. Seconds, of one processor or of one process."""

    batch: float
    record: float

    def of(self, records: float) -> float:
        """Seconds of a batch of so many records."""
        return self.batch + records * self.record


@dataclass(frozen=True, slots=True)
class Costs:
    """What was measured, in the form a plan needs.

    Attributes
    ----------
    cores
        Of the machine it was measured on.
    parts
        Processor seconds by part of the stack, without the sender.
    steps
        Seconds a step takes that runs alone, by step.
    hops
        Seconds from one step's end to the next one's begin, by the step it leads to, at the lowest rate measured.
    misfit
        Largest part of a stretch's processor time that the fit does not explain.
    """

    cores: int
    parts: Mapping[str, Cost]
    steps: Mapping[str, Cost]
    hops: Mapping[str, float]
    misfit: float


def costs(report: Mapping[str, Any]) -> Costs:
    """Fit to a ``reports/bench.json``.

    Raises
    ------
    FiguresMissing
        A part of ``make bench`` is missing, or ``latency`` has not been measured at two rates.
    """
    stretches = [one for one in report.get("latency") or [] if one.get("processor_seconds")]
    if len({one["rate"] for one in stretches}) < 2 or not report.get("limits") or not report.get("growth"):
        raise FiguresMissing(
            "expected a report of make bench with limits, growth, and latency at two rates or more; run "
            'make bench ARGS="--only latency,limits,growth" first'
        )
    parts, misfit = _parts(stretches)
    lowest = min(stretches, key=lambda one: one["rate"])["stages_seconds"]
    return Costs(
        report["machine"]["cores"],
        parts,
        _steps(report["limits"]["a_second"], report["growth"][0]["seconds_a_batch"]),
        {step: lowest[stage] or 0.0 for step, stage in HOPS.items()},
        misfit,
    )


def _parts(stretches: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Cost], float]:
    work = np.array([[one["batches"], one["records"]] for one in stretches], dtype=float)
    spent = [one["processor_seconds"] for one in stretches]
    found = {}
    for name in sorted(set().union(*spent) - {OURSELVES}):
        seconds = np.array([one.get(name, 0.0) for one in spent])
        (batch, record), _ = nnls(work / work.max(axis=0), seconds)
        found[name] = Cost(float(batch / work[:, 0].max()), float(record / work[:, 1].max()))
    measured = np.array([sum(value for name, value in one.items() if name != OURSELVES) for one in spent])
    fitted = work @ np.array([[cost.batch, cost.record] for cost in found.values()]).sum(axis=0)
    return found, float(np.max(np.abs(measured - fitted) / measured))


def _steps(alone: Mapping[str, float], small: Mapping[str, float]) -> dict[str, Cost]:
    """A record costs what it costs in a large batch; what a small one takes beyond that is the batch's."""
    from benchmarks.bench.growth import BATCH_RECORDS  # with all that runs a chain, which a plan needs not

    records = {step: 1 / alone[limit] for step, (limit, _) in STEPS.items()}
    found = {}
    for step, (_, timed) in STEPS.items():
        # Spark and settling are timed as one: what is the batch's is Spark's query.
        of_all = sum(records[other] for other, (_, same) in STEPS.items() if same == timed)
        batch = max(small[timed] - BATCH_RECORDS * of_all, 0.0)
        found[step] = Cost(0.0 if step == "settle" else batch, records[step])
    return found
