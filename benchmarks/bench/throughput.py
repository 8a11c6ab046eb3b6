"""Part 2: a rate that is sustained: the lag does not grow, everything is stored, the ledger balances."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Any

from benchmarks.bench.flow import Flow
from benchmarks.bench.measured import Measured
from benchmarks.lag import STEADY, lag_growth
from benchmarks.memory import watching
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage
from include.transactions.offsets import TopicOffsets


@dataclass
class Course:
    """How far the stretch has come, over time: seconds, records that wait, records that are through."""

    at: list[float] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    through: list[int] = field(default_factory=list)

    def lag_growth(self, until: float) -> float | None:
        """See ``benchmarks.lag``."""
        return lag_growth(self.at, self.waiting, until)

    def through_by(self, moment: float) -> int:
        """Records that were through at a moment."""
        return max(
            (through for at, through in zip(self.at, self.through, strict=True) if at <= moment), default=0
        )


@dataclass(frozen=True, slots=True)
class Sustained:
    """What came of a rate."""

    measured: Measured
    lag_growth: float | None  # records a second
    stored_a_second: float  # while it was sent
    peaks_mib: dict[str, float]

    @property
    def is_sustained(self) -> bool:
        """Whether the lag does not grow: by no more than a hundredth of the rate."""
        return self.lag_growth is not None and self.lag_growth <= STEADY * self.measured.rate

    def document(self) -> dict[str, Any]:
        """For the report."""
        return {
            **self.measured.document(),
            "lag_growth_a_second": self.lag_growth,
            "stored_a_second": round(self.stored_a_second, 1),
            "a_second_and_core": round(self.stored_a_second / (os.cpu_count() or 1), 1),
            "peak_memory_mib": {name: round(peak) for name, peak in self.peaks_mib.items()},
        }


def sustain(flow: Flow, rate: float, seconds: float) -> Sustained:
    """Send at a rate, and watch what has not been stored yet."""
    ledger, course, began = BatchLedger(Lake(flow.now.lake)), Course(), time.monotonic()
    with TopicOffsets(flow.kafka, flow.now.topics.transactions) as offsets, watching(flow.now) as memory:
        arrived_before, through_before = sum(offsets.ends().values()), _through(ledger)

        def look() -> None:
            through = _through(ledger) - through_before
            course.through.append(through)
            course.waiting.append(sum(offsets.ends().values()) - arrived_before - through)
            course.at.append(time.monotonic() - began)

        measured = flow.send(rate, seconds, look)
    peaks = {name: max(taken) for name, taken in memory.samples.items() if taken}
    return Sustained(measured, course.lag_growth(seconds), course.through_by(seconds) / seconds, peaks)


def _through(ledger: BatchLedger) -> int:
    """Records that are through: refused, repeated, or stored in Cassandra."""
    accepted, stored = ledger.cursor(Stage.ACCEPTED).totals, ledger.cursor(Stage.STORED).totals
    return sum(accepted.get(name, 0) for name in ("duplicates", "dead_lettered")) + stored.get("stored", 0)
