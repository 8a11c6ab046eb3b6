"""The record behind ``reports/drift-study.json``, and its checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from include.adaptation.study.loop import Policy
from include.adaptation.study.measures import BACK, Measured
from include.adaptation.study.settings import StudySettings
from include.reports.checks import Bound, Check

_TWO_WEEKS = 14
_Value = float | bool | None


@dataclass(frozen=True)
class Outcome:
    """Everything the study found out."""

    data: str  # name of the file
    rows: int
    settings: StudySettings
    runs: tuple[Measured, ...]

    def of(self, letter: str, policy: Policy | None = None) -> list[Measured]:
        """Runs of a change, by its letter, and of a policy."""
        return [
            run
            for run in self.runs
            if run.change.startswith(letter) and (policy is None or run.policy == policy)
        ]

    def checks(self) -> list[Check]:
        """What must hold for every seed, and what we aim at: each value is that of the worst seed."""
        delay = self.settings.label_delay_days
        a, b, c = (self.of(letter, Policy.TRIGGERED) for letter in "abc")
        reserve = [run.reserve for run in a if run.reserve is not None]
        found: list[Check] = []

        def add(
            name: str, values: Sequence[_Value], worst: Callable[..., Any], *bounds: Bound | None
        ) -> None:
            if values:
                value = None if any(one is None for one in values) else worst(values)
                found.append(Check(name, value, *bounds))

        add(
            "(a) alarm after the onset, days",
            [run.alarm_after for run in a],
            max,
            Bound("<=", delay + 3),
            Bound("<=", delay + 2),
        )
        add(
            f"(a) average precision back to {BACK:.0%} of before, days",
            [run.back_after for run in a],
            max,
            Bound("<=", 28),
            Bound("<=", 21),
        )
        add(
            "(a) retrainings by trigger until then",
            [run.retrainings_until_back for run in a],
            max,
            Bound("<=", 4),
            Bound("<=", 3),
        )
        add(
            "(a) week of the onset: recall of the new pattern, thresholds in use for a budget of 1 %",
            [one.new_pattern for one in reserve],
            min,
            Bound(">=", 0.30),
            Bound(">=", 0.40),
        )
        add(
            "(a) the same, had exactly the budget been spent each day",
            [one.new_pattern_spent for one in reserve],
            min,
        )
        add(
            "(a) what the anomaly reserve costs known patterns, points of recall",
            [one.loss for one in reserve],
            max,
            Bound("<=", 4.0),
            Bound("<=", 2.0),
        )
        add(
            "(a) what it costs them, had exactly the budget been spent each day",
            [100 * (one.known_patterns_spent_without - one.known_patterns_spent) for one in reserve],
            max,
        )
        add("(b) alarm after the onset, days", [run.alarm_after for run in b], max, Bound("<=", 1))
        add(
            "(b) average precision of the second week",
            [run.precision_until(_TWO_WEEKS) for run in b],
            min,
            Bound(">=", 0.65),
            Bound(">=", 0.72),
        )
        add(
            "(b) the same, all days and models in one ranking",
            [
                week.pooled_average_precision
                for run in b
                for week in run.weeks
                if week.first + week.days == _TWO_WEEKS
            ],
            min,
        )
        add(
            "(b) alert rate after 24 hours against before, change of it",
            [abs(run.second_day_alert_rate / run.alert_rate_before - 1) for run in b],
            max,
            None,
            Bound("<=", 0.5),
        )
        add("(c) needless retrainings", [run.needless for run in c], max, Bound("<=", 1), Bound("<=", 0))
        return found

    def weekly(self, change: str, policy: str) -> list[dict[str, Any]]:
        """Week by week, the mean over the seeds."""
        runs = [run for run in self.runs if run.change == change and run.policy == policy]
        weeks = []
        for same in zip(*(run.weeks for run in runs), strict=True):
            names = ("average_precision", "recall_at_budget", "recall", "alert_rate")
            means = {name: _mean([getattr(week, name) for week in same]) for name in names}
            first = same[0].first
            trained = [sum(first <= day < first + same[0].days for day in run.retrainings) for run in runs]
            weeks.append({"first": float(first), **means, "retrainings": float(np.mean(trained))})
        return weeks

    def names(self) -> list[tuple[str, str]]:
        """Changes and policies, in the order they were run."""
        return sorted({(run.change, run.policy) for run in self.runs})

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "data": self.data,
            "rows": self.rows,
            "settings": self.settings.model_dump(mode="json"),
            "seeds": sorted({run.seed for run in self.runs}),
            "weeks": [
                {"change": change, "policy": policy, "weeks": self.weekly(change, policy)}
                for change, policy in self.names()
            ],
            "runs": [run.document() for run in self.runs],
            "checks": [check.document() for check in self.checks()],
        }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
