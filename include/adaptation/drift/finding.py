"""A finding: one comparison that was made, and whether it is worth an alarm."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Kind(StrEnum):
    """What has changed."""

    MISSED_FRAUD = "missed_fraud"  # labelled frauds that were not alerted, or not known to the model
    SCORE = "score"
    ALERT_RATE = "alert_rate"
    FEATURE = "feature"
    MISSING = "missing"  # data quality: values that are not there
    UNSEEN = "unseen"  # data quality: values the reference does not know


class Finding(BaseModel):
    """What was compared, and how it turned out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    subject: str  # feature, column, ``score``, ``alert_rate``, ``missed_fraud`` or ``unknown_to_model``
    segment: str
    value: float  # now
    reference_value: float  # the same measure in the reference; 0 for a PSI
    threshold: float  # from where the value is large enough for an alarm
    large: bool  # it is
    p_value: float  # chance of such a difference if nothing has changed, times the comparisons of this look
    strength: float  # test statistic: larger = harder to put down to chance
    rows: int  # compared
    sentence: str

    @property
    def key(self) -> tuple[Kind, str, str]:
        """What it is about."""
        return self.kind, self.subject, self.segment

    def notable(self, significance: float) -> bool:
        """Whether it is large and beyond chance."""
        return self.large and self.p_value < significance
