"""Every setting of the study."""

from __future__ import annotations

from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict, Field

from include.adaptation.drift import DriftSettings
from include.adaptation.retraining import RetrainingSettings
from include.detection.detectors.gradient_boosting import BoostingSettings
from include.detection.training import TrainingSettings


class StudySettings(BaseModel):
    """How history is changed, operated and measured; recorded with the results."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: First day under a model; the weeks until the onset are "before", and give ADWIN its labels.
    first_day: date = date(2018, 6, 10)
    onset: date = date(2018, 7, 1)
    label_delay_days: int = 7
    train_days: int = 60  # of the first model and the weekly ones; those that answer an alarm have their own
    #: Newest days, still without labels, on which a promoted model finds thresholds and reference.
    reference_days: int = 7
    #: Days the weekly policy trains after.
    every_days: int = 7
    #: (a) customers who start a run each day, days of a run, payments of a burst, minutes of a burst.
    burst_customers: int = 3
    burst_days: int = 7
    burst_payments: int = 5
    burst_minutes: int = 10
    #: (b) every amount from the onset on times this.
    amount_factor: float = 1.6
    drift: DriftSettings = Field(default_factory=DriftSettings)
    retraining: RetrainingSettings = Field(default_factory=RetrainingSettings)
    training: TrainingSettings = Field(
        default_factory=lambda: TrainingSettings(boosting=BoostingSettings(n_jobs=2))
    )

    @property
    def delay(self) -> timedelta:
        """How long labels take."""
        return timedelta(days=self.label_delay_days)
