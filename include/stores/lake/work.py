"""What is measured of a stage's work on a batch, and how it adds up in the stage's cursor.

The cursor is written whole and moves only with a batch that is new, so a batch done twice is counted once, and
every process that reads the cursor sees the same figures, whoever was restarted in between.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

#: Upper ends of the buckets of a histogram, by the unit its name ends in.
BOUNDS: dict[str, tuple[float, ...]] = {
    "seconds": (0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 5, 7.5, 10, 15, 30, 60, 120, 300, 900, 3600),
    "records": (1, 10, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000),
    "score": (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1),
}


@dataclass(frozen=True, slots=True)
class Work:
    """One stage's work on one batch.

    Attributes
    ----------
    began_at
        When the stage took it up; its end is when it is completed.
    arrived_at
        When the broker got the batch's oldest record; None where nobody knows.
    measures
        What else is measured, by a name that ends in its unit (``_seconds`` or ``_records``).
    tallies
        Counts by kind: ``{"level": {"FULL": 480}}``. There must be few kinds of each.
    distributions
        A value of each record, by a name that ends in its unit (``score``): only the histogram is kept.
    """

    began_at: datetime
    arrived_at: datetime | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
    tallies: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    distributions: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def measured(self, completed_at: datetime) -> dict[str, float]:
        """All measures: ``duration_seconds``, ``age_seconds`` of the oldest record at the end, and the others."""
        found = {"duration_seconds": max(0.0, (completed_at - self.began_at).total_seconds())}
        if self.arrived_at is not None:
            found["age_seconds"] = max(0.0, (completed_at - self.arrived_at).total_seconds())
        return {name: round(value, 6) for name, value in (found | dict(self.measures)).items()}


def observed(histograms: Mapping[str, Any], values: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Histograms with more observations of each measure.

    A histogram is ``{"bounds": "0.05 0.1 …", "counts": "0 3 …", "sum": float}``: counts of each bucket (not
    cumulative), the last one of what lies above all bounds. They are texts because long lists would make the cursor,
    which is written with every batch, several times as slow to write. Bounds that a release has changed begin anew.

    Raises
    ------
    KeyError
        A measure's name ends in no unit of ``BOUNDS``.
    """
    merged = dict(histograms)
    for name, more in values.items():
        bounds = BOUNDS[name.rpartition("_")[2]]
        before, named = merged.get(name), _text(bounds)
        if before is None or before["bounds"] != named:
            before = {"counts": _text([0] * (len(bounds) + 1)), "sum": 0.0}
        counts = [int(count) for count in before["counts"].split()]
        for value in more:
            counts[bisect_left(bounds, value)] += 1
        merged[name] = {
            "bounds": named,
            "counts": _text(counts),
            "sum": round(before["sum"] + sum(more), 6),
        }
    return merged


def _text(numbers: Sequence[float]) -> str:
    return " ".join(map(str, numbers))


def added(tallies: Mapping[str, Mapping[str, int]], more: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """Tallies with more of them added."""
    merged = {kind: dict(counts) for kind, counts in tallies.items()}
    for kind, counts in more.items():
        of_kind = merged.setdefault(kind, {})
        for name, count in counts.items():
            of_kind[name] = of_kind.get(name, 0) + count
    return merged


def count_values(values: pa.ChunkedArray) -> dict[str, int]:
    """How often each value occurs, sorted by value; nulls are left out."""
    counted = pc.value_counts(values).to_pylist()
    return {
        str(one["values"]): one["counts"]
        for one in sorted(counted, key=lambda one: str(one["values"]))
        if one["values"] is not None
    }


def known_values(values: pa.ChunkedArray) -> list[float]:
    """Values that are numbers: neither null nor NaN."""
    return [value for value in values.to_pylist() if value is not None and value == value]
