"""Summaries: counts of what came since, over the bins of a reference, hour by hour."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Self

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from include.adaptation.drift.reference import Reference
from include.adaptation.drift.tally import Tally, count, float_columns
from include.adaptation.errors import SummariesApart

_HOUR_US = 3_600_000_000
_HOUR = timedelta(hours=1)


class Summary(BaseModel):
    """Counts of the rows of some hours, by event time.

    Addition is commutative and associative: batches may come in any order, and be split in any way. It is not
    idempotent, so keep one summary an hour for each set of batches that was counted together, written under the name
    of that set, and add up when looking.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference_id: str
    since: datetime  # start of the first hour, UTC
    until: datetime  # end of the last
    tally: Tally

    def __add__(self, other: Self) -> Self:
        """Both together.

        Raises
        ------
        SummariesApart
            They were counted over different references.
        """
        if self.reference_id != other.reference_id:
            raise SummariesApart(
                f"expected summaries over one reference, got {self.reference_id} and {other.reference_id}; "
                "drop the older ones: after a promotion they say nothing any more"
            )
        return type(self)(
            reference_id=self.reference_id,
            since=min(self.since, other.since),
            until=max(self.until, other.until),
            tally=self.tally + other.tally,
        )


def summarise(reference: Reference, table: pa.Table) -> list[Summary]:
    """Count scored rows, one summary for each UTC hour of event time that occurs, in order."""
    if not table.num_rows:
        return []
    hour = np.asarray(table["occurred_at"].cast(pa.int64()).to_numpy()) // _HOUR_US
    segments = frozenset(reference.segments)
    columns = float_columns(table)
    others = table.select(
        [name for name in table.column_names if name != "features"]
    )  # large, and in columns
    found = []
    for start in np.unique(hour).tolist():
        rows = np.flatnonzero(hour == start)
        tally = count(
            others.take(pa.array(rows)),
            {name: values[rows] for name, values in columns.items()},
            reference.bins,
            segments,
        )
        since = datetime.fromtimestamp(start * 3600, UTC)
        found.append(Summary(reference_id=reference.id, since=since, until=since + _HOUR, tally=tally))
    return found


def merge(summaries: Iterable[Summary]) -> Summary | None:
    """All of them together; None if there is none.

    Raises
    ------
    SummariesApart
        They were counted over different references.
    """
    held = list(summaries)
    return reduce(lambda one, two: one + two, held) if held else None
