"""Fifty days of a small simulated bank, and a study short enough for it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from include.adaptation.drift import DriftSettings
from include.adaptation.retraining import RetrainingSettings
from include.adaptation.study.settings import StudySettings
from include.detection.detectors.gradient_boosting import BoostingSettings
from include.detection.training import TrainingSettings
from include.evaluation.dataset import DAY_US, LabelledData
from include.transactions.simulator.bank import SimulatedBank

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def data() -> LabelledData:
    bank = SimulatedBank(3, 400, start=START)
    days = [bank.day(n) for n in range(48)]
    return LabelledData(
        pa.concat_tables([day.transactions for day in days]),
        pa.concat_tables([day.labels for day in days]),
        7 * DAY_US,
    )


@pytest.fixture(scope="session")
def settings() -> StudySettings:
    return StudySettings(
        first_day=date(2026, 1, 23),
        onset=date(2026, 1, 30),
        train_days=15,
        training=TrainingSettings(boosting=BoostingSettings(rounds=8, max_bin=256, n_jobs=1)),
        drift=DriftSettings(missed_min=20, min_alerts=5, score_psi=0.2),
        amount_factor=8.0,
        retraining=RetrainingSettings(train_days=12),
    )
