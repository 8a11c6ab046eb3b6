"""How quickly, and on what evidence, models follow: the variable ``adaptation`` of Airflow."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from include.adaptation.drift.settings import DriftSettings


class AdaptationSettings(BaseModel):
    """Every setting has the default that a bank would start with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train_days: float = Field(60, gt=0)  # of labelled history that a challenger learns from
    train_rows: int = Field(
        2_000_000, gt=0
    )  # more are thinned out to a share of the accounts, whole accounts
    test_days: float = Field(7, gt=0)  # newest labelled days that it is measured on before it may go on
    label_delay_days: float = Field(7, ge=0)  # after this a transaction nobody has spoken of counts as honest
    alert_budget: float = Field(0.01, gt=0, lt=1)  # share of the transactions a model may flag in comparisons
    compare_minutes: float = Field(60, ge=0)  # at most one comparison in this time
    shadow_frauds: int = Field(30, gt=0)  # known frauds before a comparison is judged
    probation_days: float = Field(30, gt=0)  # a former champion stays ready to take over for so long
    share: float = Field(
        0.1, gt=0, lt=1
    )  # of the accounts, where an approver lets a challenger on a share first
    owner: str = "model-owner@bank.invalid"  # is told of drift, promotions that wait, demotions
    drift: DriftSettings = DriftSettings()
