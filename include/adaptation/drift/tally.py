"""Tallies: counts over a reference's bins. They add up, in any order and however the rows were split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from include.adaptation.drift.bins import Bins
from include.adaptation.drift.segments import ALL, coded, rows_by_segment
from include.detection.scored import features_of

Floats = npt.NDArray[np.float64]

#: What stands for the score among the subjects that have bins.
SCORE = "score"
#: Columns whose missing values are counted beside those of the features.
NULLABLE = ("score", "device_id", "customer_id")
#: Columns whose values are held against those known.
VALUE_COLUMNS = ("transaction_type", "channel", "country", "currency")
#: Values of a column told one by one; the others are added up.
_VALUES_KEPT = 60
_OTHERS = "(others)"


class SegmentTally(BaseModel):
    """Counts of one segment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int = 0
    judged: int = 0  # rows that have a decision
    alerts: int = 0
    counts: dict[str, tuple[int, ...]] = {}  # feature or ``score`` → rows in each bin

    def __add__(self, other: Self) -> Self:
        """Both together."""
        counts = dict(self.counts)
        for name, added in other.counts.items():
            mine = counts.get(name)
            counts[name] = added if mine is None else tuple(map(sum, zip(mine, added, strict=True)))
        return type(self)(
            rows=self.rows + other.rows,
            judged=self.judged + other.judged,
            alerts=self.alerts + other.alerts,
            counts=counts,
        )


class Tally(BaseModel):
    """Counts of a table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segments: dict[str, SegmentTally] = {}
    missing: dict[str, int] = {}  # feature (``features.<name>``) or column → rows without a value
    values: dict[str, dict[str, int]] = {}  # column → value → rows

    @property
    def rows(self) -> int:
        """All rows."""
        return self.segments[ALL].rows if ALL in self.segments else 0

    def about(self, segment: str, subject: str) -> Self:
        """The part that answers a question about one subject in one segment: cheap to add up."""
        whole = self.segments.get(ALL, SegmentTally())
        kept = {ALL: SegmentTally(rows=whole.rows)}
        if (found := self.segments.get(segment)) is not None:
            counts = {name: counts for name, counts in found.counts.items() if name == subject}
            kept[segment] = found.model_copy(update={"counts": counts})
        return type(self)(
            segments=kept,
            missing={name: rows for name, rows in self.missing.items() if name == subject},
            values={name: found for name, found in self.values.items() if name == subject},
        )

    def __add__(self, other: Self) -> Self:
        """Both together."""
        segments = dict(self.segments)
        for name, added in other.segments.items():
            segments[name] = segments[name] + added if name in segments else added
        missing = Counter(self.missing)
        missing.update(other.missing)  # unlike +, keeps the zeros
        values = {name: Counter(found) for name, found in self.values.items()}
        for name, found in other.values.items():
            values.setdefault(name, Counter()).update(found)
        return type(self)(
            segments=segments,
            missing=dict(missing),
            values={name: dict(found) for name, found in values.items()},
        )


def float_columns(table: pa.Table) -> dict[str, Floats]:
    """The score and the features of a scored table by name; null is NaN."""
    features = features_of(table)
    found = dict(zip(features.column_names, features.columns, strict=True)) | {SCORE: table["score"]}
    return {name: np.asarray(column.fill_null(np.nan).to_numpy()) for name, column in found.items()}


def count(
    table: pa.Table, columns: Mapping[str, Floats], bins: Mapping[str, Bins], segments: frozenset[str]
) -> Tally:
    """Count a table.

    Parameters
    ----------
    table
        Scored rows.
    columns
        From :func:`float_columns` of that table.
    bins
        Subject → its bins.
    segments
        Those to count.
    """
    alert = np.asarray(pc.equal(table["decision"], "ALERT").fill_null(False).to_numpy())
    # A row whose decision is not known says nothing of the alert rate.
    judged = np.asarray(table["decision"].is_valid().to_numpy())
    tallies = {
        name: SegmentTally(
            rows=len(rows),
            judged=int(judged[rows].sum()),
            alerts=int(alert[rows].sum()),
            counts={
                subject: tuple(edges.count(columns[subject][rows]).tolist())
                for subject, edges in bins.items()
            },
        )
        for name, rows in rows_by_segment(table)
        if name in segments
    }
    missing = {
        f"features.{name}": int(np.isnan(values).sum()) for name, values in columns.items() if name != SCORE
    }
    missing |= {name: table[name].null_count for name in NULLABLE if name in table.column_names}
    return Tally(
        segments=tallies, missing=missing, values={name: _values(table[name]) for name in VALUE_COLUMNS}
    )


def _values(column: pa.ChunkedArray) -> dict[str, int]:
    names, code = coded(column)
    ranked = Counter(dict(zip(names, np.bincount(code, minlength=len(names)).tolist(), strict=True)))
    kept = dict(ranked.most_common(_VALUES_KEPT))
    rest = sum(ranked.values()) - sum(kept.values())
    return kept | ({_OTHERS: rest} if rest else {})
