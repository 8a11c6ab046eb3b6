"""Outcomes: labelled frauds, and whether they had been alerted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from include.adaptation.drift.reference import Reference
from include.adaptation.drift.segments import SEGMENT_COLUMNS, names_of

_KEPT = 5_000


class Outcome(BaseModel):
    """One labelled fraud."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    transaction_id: str
    occurred_at: datetime
    labelled_at: datetime
    missed: bool  # it had not been alerted
    #: The model's score was not among the highest, whoever else may have alerted it; None: there was no score.
    unknown_to_model: bool | None = None
    segments: tuple[str, ...]  # it belongs to


class OutcomeLog(BaseModel):
    """The newest outcomes in the order in which they became known; each transaction once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcomes: tuple[Outcome, ...] = ()

    def add(self, outcomes: Iterable[Outcome], kept: int = _KEPT) -> Self:
        """The log with these; what is in it already changes nothing, so a batch may be added twice."""
        held = {outcome.transaction_id: outcome for outcome in self.outcomes}
        for outcome in outcomes:
            held.setdefault(outcome.transaction_id, outcome)
        ordered = sorted(held.values(), key=lambda outcome: (outcome.labelled_at, outcome.transaction_id))
        return type(self)(outcomes=tuple(ordered[-kept:]))

    def since(self, moment: datetime) -> Self:
        """Outcomes of transactions from a moment on: of what the model promoted then has decided."""
        return type(self)(
            outcomes=tuple(outcome for outcome in self.outcomes if outcome.occurred_at >= moment)
        )

    def __len__(self) -> int:
        return len(self.outcomes)


def outcomes_of(scored: pa.Table, labels: pa.Table, reference: Reference | None = None) -> list[Outcome]:
    """Outcomes of labels about scored rows.

    Parameters
    ----------
    scored
        Columns of :func:`include.detection.scored.scored_schema`, among them the rows the labels speak of.
    labels
        ``LABEL_SCHEMA``; those that say "no fraud", and those about other rows, are left out.
    reference
        Of the model that scored these rows: says which scores are high. None: only alerts are looked at.
    """
    frauds = labels.filter(labels["is_fraud"])
    at = pc.index_in(
        frauds["transaction_id"].combine_chunks(), value_set=scored["transaction_id"].combine_chunks()
    )
    frauds, rows = frauds.filter(at.is_valid()), at.drop_null()
    found = scored.select(["transaction_id", "occurred_at", "decision", "score", *SEGMENT_COLUMNS]).take(rows)
    high = None if reference is None else reference.high_score
    return [
        Outcome(
            transaction_id=row["transaction_id"],
            occurred_at=row["occurred_at"],
            labelled_at=known,
            missed=row["decision"] != "ALERT",
            unknown_to_model=None if high is None or row["score"] is None else row["score"] < high,
            segments=names_of(row),
        )
        for row, known in zip(found.to_pylist(), frauds["labelled_at"].to_pylist(), strict=True)
    ]
