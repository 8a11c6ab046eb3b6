"""Alarms: what is told when something has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict

from include.adaptation.drift.finding import Finding, Kind

__all__ = ["Alarm", "Kind", "Point", "carry_on"]


class Point(BaseModel):
    """One value of a series."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: datetime
    value: float


class Alarm(BaseModel):
    """Something has changed since the model was promoted.

    Attributes
    ----------
    id
        Of kind, subject, segment, reference and the UTC day it was noticed: asking twice gives the same.
    since
        Estimate of when it began, by event time: the cut that makes the difference hardest to put down to
        chance.
    noticed_at
        When it could first be seen.
    p_value
        Chance of such a difference if nothing has changed, times all comparisons made (Bonferroni; of missed
        fraud, times all places the stream could be cut at). ``confidence`` is 1 less that.
    value, reference_value
        Measured, now and in the reference; a PSI is 0 there.
    threshold
        From where the value is an alarm.
    series
        The same measure day by day, for a plot.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    kind: Kind
    subject: str
    segment: str
    since: datetime
    noticed_at: datetime
    p_value: float
    value: float
    reference_value: float
    threshold: float
    rows: int
    reference_id: str
    model_version: str
    sentence: str
    series: tuple[Point, ...]

    @classmethod
    def of(
        cls,
        finding: Finding,
        since: datetime,
        noticed_at: datetime,
        reference_id: str,
        model_version: str,
        series: Sequence[Point],
    ) -> Self:
        """Make one of a finding."""
        named = f"{finding.kind}|{finding.subject}|{finding.segment}|{reference_id}|{noticed_at:%Y-%m-%d}"
        return cls(
            id=hashlib.sha256(named.encode()).hexdigest()[:16],
            **finding.model_dump(exclude={"large", "strength"}),
            since=since,
            noticed_at=noticed_at,
            reference_id=reference_id,
            model_version=model_version,
            series=tuple(series),
        )

    @property
    def confidence(self) -> float:
        """How sure it is that something has changed, 0..1."""
        return 1.0 - self.p_value

    @property
    def about(self) -> tuple[Kind, str, str, str]:
        """What it is about: alarms alike in this are one story."""
        return self.kind, self.subject, self.segment, self.reference_id


def carry_on(earlier: Sequence[Alarm], now: Sequence[Alarm]) -> list[Alarm]:
    """The alarms of now, under the identity and with the onset of the earlier ones they go on with.

    A look every few minutes so tells an alarm once, and not once a day for as long as it lasts.
    """
    known = {alarm.about: alarm for alarm in earlier}
    kept = ("id", "since", "noticed_at")
    return [
        alarm.model_copy(update={name: getattr(known[alarm.about], name) for name in kept})
        if alarm.about in known
        else alarm
        for alarm in now
    ]
