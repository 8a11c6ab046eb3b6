"""The reference: what was usual when the model was promoted."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from include.adaptation.drift.bins import Bins
from include.adaptation.drift.segments import SEGMENT_COLUMNS, coded, segment_name, worth_watching
from include.adaptation.drift.settings import DriftSettings
from include.adaptation.drift.tally import SCORE, Floats, Tally, count, float_columns
from include.adaptation.errors import ReferenceRefused

#: Quantiles of the score that get an edge of their own: alerts and reviews are made up there.
_SCORE_TAIL = (0.97, 0.99)


class Reference(BaseModel):
    """Bins and counts of what was usual; learned anew after every promotion.

    Learn it from rows of whole days, scored by the model it stands for and not by the one before: scores of
    two models have nothing to do with each other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str  # names the contents; summaries carry it
    model_version: str
    learned_from: datetime
    learned_to: datetime
    bins: dict[str, Bins]  # feature or ``score`` → its bins
    segments: tuple[str, ...]
    tally: Tally
    high_score: float | None  # scores from here on are the highest ``high_share`` of the rows

    @classmethod
    def learn(cls, table: pa.Table, settings: DriftSettings | None = None, model_version: str = "") -> Self:
        """Learn from scored rows.

        Parameters
        ----------
        table
            Columns of :func:`include.detection.scored.scored_schema`; best a week of whole days.
        settings
            Which features, how many bins.
        model_version
            Of the model whose scores these are; goes into the alarms.

        Raises
        ------
        ReferenceRefused
            There are too few rows to be held against anything.
        """
        settings = settings or DriftSettings()
        if table.num_rows < settings.min_rows:
            raise ReferenceRefused(
                f"expected at least {settings.min_rows} scored rows to learn what is usual, got "
                f"{table.num_rows}; wait for more, or learn from more days"
            )
        columns = float_columns(table)
        watched = [name for name in settings.features if name in columns]
        bins = {
            name: Bins.learn(columns[name], settings.bins, _SCORE_TAIL if name == SCORE else ())
            for name in (*watched, SCORE)
            if not np.isnan(columns[name]).all()
        }
        sizes = {"all": table.num_rows}
        for column in SEGMENT_COLUMNS:
            values, code = coded(table[column])
            rows = np.bincount(code, minlength=len(values)).tolist()
            sizes |= {segment_name(column, value): n for value, n in zip(values, rows, strict=True)}
        segments = tuple(worth_watching(sizes, settings.min_segment_rows))
        tally = count(table, columns, bins, frozenset(segments))
        edges = pc.min_max(table["occurred_at"]).as_py()
        content = f"{model_version}|{edges['min']}|{edges['max']}|{bins!r}|{tally.model_dump_json()}"
        return cls(
            id=hashlib.sha256(content.encode()).hexdigest()[:16],
            model_version=model_version,
            learned_from=_utc(edges["min"]),
            learned_to=_utc(edges["max"]),
            bins=bins,
            segments=segments,
            tally=tally,
            high_score=_high(columns[SCORE], settings.high_share),
        )


def _high(score: Floats, share: float) -> float | None:
    known = score[~np.isnan(score)]
    return float(np.quantile(known, 1 - share)) if len(known) else None


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
