"""What became of a stretch of the stream, read from lake and Cassandra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from include.local.demo.facts import Facts, latencies
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, scored_file

QUANTILES = (0.5, 0.95, 0.99, 1.0)


def quantiles(values: Sequence[float] | np.ndarray) -> dict[str, float | None]:
    """p50, p95, p99 and max; None where there are no values."""
    names = ("p50", "p95", "p99", "max")
    if not len(values):
        return dict.fromkeys(names)
    return {
        name: round(float(value), 3)
        for name, value in zip(names, np.quantile(values, QUANTILES), strict=True)
    }


@dataclass(frozen=True, slots=True)
class Measured:
    """One stretch.

    Attributes
    ----------
    decided
        Seconds from a transaction's arrival at the broker until its batch is decided and in the lake, one each.
    stored
        Until it is in Cassandra.
    alerted
        Until a message was handed over to the mail server or vendor, one a delivery.
    stages
        Median seconds a batch spends in each stage, in the order of the flow.
    processors
        Seconds of processor time of each part of the stack meanwhile, and of the sender.
    """

    rate: float
    records: int
    seconds: float
    batches: int
    decided: np.ndarray
    stored: np.ndarray
    alerted: np.ndarray
    stages: Mapping[str, float | None] = field(default_factory=dict)
    problem: str | None = None
    processors: Mapping[str, float] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """For the report."""
        return {
            "rate": self.rate,
            "records": self.records,
            "seconds": round(self.seconds, 1),
            "batches": self.batches,
            "arrival_to_decision_seconds": quantiles(self.decided),
            "arrival_to_cassandra_seconds": quantiles(self.stored),
            "arrival_to_hand_over_seconds": quantiles(self.alerted),
            "stages_seconds": dict(self.stages),
            "processor_seconds": dict(self.processors),
            "problem": self.problem,
        }


def measure(
    lake: Lake,
    facts: Facts,
    batches: range,
    *,
    rate: float,
    records: int,
    seconds: float,
    problem: str | None = None,
    processors: Mapping[str, float] | None = None,
) -> Measured:
    """Look at batches that are through every stage; ``facts`` are of them."""
    ledger = BatchLedger(lake)
    manifests = {stage: [ledger.manifest(stage, batch) or {} for batch in batches] for stage in Stage}
    decided, stored = [], []
    for place, batch in enumerate(batches):
        arrived = lake.read_table(scored_file(batch), ["arrived_at"])["arrived_at"]
        at = arrived.cast("int64").to_numpy() / 1e6
        decided.append(_moment(manifests[Stage.SCORED][place], "completed_at") - at)
        stored.append(_moment(manifests[Stage.STORED][place], "completed_at") - at)
    alerted = np.array(latencies(facts.deliveries()))
    return Measured(
        rate, records, seconds, len(batches),
        np.concatenate(decided) if decided else np.empty(0),
        np.concatenate(stored) if stored else np.empty(0),
        alerted, stages(manifests), problem, processors or {},
    )  # fmt: skip


def stages(manifests: Mapping[Stage, Sequence[Mapping[str, Any]]]) -> dict[str, float | None]:
    """Median seconds by stage, from manifests of the same batches; None where no batch tells.

    Waiting for a run is measured from a batch's oldest record on; the hops are Airflow's: from the end of a task's
    work on a batch to the beginning of the next one's.
    """
    accepted, scored, alerted, loaded = (manifests[stage] for stage in Stage)
    found = {
        "wait for a run": [_measure(one, "wait_seconds") for one in accepted],
        "Spark": [_measure(one, "spark_seconds") for one in accepted],
        "settle": [_measure(one, "settle_seconds") for one in accepted],
        "hop to scoring": _between(accepted, scored),
        "score": [_measure(one, "duration_seconds") for one in scored],
        "hop to alerting": _between(scored, alerted),
        "raise alerts": [_measure(one, "duration_seconds") for one in alerted],
        "hop to loading": _between(scored, loaded),
        "load": [_measure(one, "duration_seconds") for one in loaded],
    }
    return {
        name: round(float(np.median(known)), 3)
        if (known := [one for one in values if one is not None])
        else None
        for name, values in found.items()
    }


def _between(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[float | None]:
    return [
        _moment(later, "began_at") - _moment(one, "completed_at") if one and later else None
        for one, later in zip(before, after, strict=True)
    ]


def _moment(manifest: Mapping[str, Any], name: str) -> float:
    return datetime.fromisoformat(manifest[name]).timestamp()


def _measure(manifest: Mapping[str, Any], name: str) -> float | None:
    value = manifest.get("measures", {}).get(name)
    return None if value is None else float(value)
