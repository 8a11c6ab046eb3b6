"""What was decided, measured against the truth.

Average precision is that of a day, and of a week the mean over its days: the budget is spent day by day, and scores of
two models do not rank among each other, so that a week in which the model changes has no ranking of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from include.adaptation.recalibration import Scores, alerts
from include.adaptation.study.changes import BURST, day_number
from include.adaptation.study.loop import Run
from include.adaptation.study.operation import Day, History
from include.adaptation.study.settings import StudySettings
from include.detection.decision import Decision, fit_policy
from include.evaluation.ranking import average_precision

WEEK = 7
#: Average precision is back once it has this share of what it was.
BACK = 0.95


@dataclass(frozen=True, slots=True)
class Period:
    """Some days under a policy."""

    first: int  # days from the onset
    days: int
    frauds: int
    average_precision: float | None
    pooled_average_precision: float | None  # of all days in one ranking, whatever models scored them
    alert_rate: float  # by the thresholds in use
    recall: float | None  # by the thresholds in use
    recall_at_budget: float | None  # had exactly the budget been spent


@dataclass(frozen=True, slots=True)
class Reserve:
    """What the anomaly reserve was worth in the week of the onset, by recall.

    Once by thresholds found on the days before, as in use: they spend the budget on days like those, and more when
    something odd comes in. Once by thresholds that spend exactly the budget on each day of the week itself.
    """

    new_pattern: float
    new_pattern_without: float
    known_patterns: float
    known_patterns_without: float
    alert_rate: float
    alert_rate_without: float
    new_pattern_spent: float
    new_pattern_spent_without: float
    known_patterns_spent: float
    known_patterns_spent_without: float

    @property
    def loss(self) -> float:
        """Points of recall the known patterns lose by it."""
        return 100 * (self.known_patterns_without - self.known_patterns)


@dataclass(frozen=True, slots=True)
class Measured:
    """One change under one policy with one seed."""

    change: str
    policy: str
    seed: int
    before: float  # average precision, mean of the weeks before the onset
    alert_rate_before: float
    weeks: tuple[Period, ...]
    daily: tuple[tuple[int, float], ...]  # days from the onset, average precision of the day
    rolling: tuple[tuple[int, float], ...]  # days from the onset to the end of a week, its average precision
    second_day_alert_rate: float
    retrainings: tuple[int, ...]  # days from the onset
    recalibrations: tuple[int, ...]
    alarms: tuple[dict[str, Any], ...]
    reserve: Reserve | None  # where there is a new pattern
    seconds: float

    @property
    def alarm_after(self) -> int | None:
        """Days from the onset to the first alarm since; None without one."""
        return min((a["day"] for a in self.alarms if a["day"] > 0), default=None)

    @property
    def back_after(self) -> int | None:
        """Days from the onset to the end of the first week with ``BACK`` of what was before, after a worse one."""
        fell = False
        for day, value in self.rolling:
            if value < BACK * self.before:
                fell = True
            elif fell:
                return day
        return None if fell else 0

    @property
    def retrainings_until_back(self) -> int:
        """From the onset until then; all of them if it never came back."""
        back = self.back_after
        return sum(day >= 0 and (back is None or day < back) for day in self.retrainings)

    @property
    def needless(self) -> int:
        """Retrainings from the onset on, of a history in which nothing changes."""
        return sum(day >= 0 for day in self.retrainings)

    def precision_until(self, day: int) -> float | None:
        """Average precision of the week that ends so many days after the onset."""
        return dict(self.rolling).get(day)

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self) | {
            "alarm_after": self.alarm_after,
            "back_after": self.back_after,
            "retrainings_until_back": self.retrainings_until_back,
        }


def measure(
    history: History, run: Run, settings: StudySettings, change: str, seed: int, seconds: float
) -> Measured:
    """Measure a run."""
    onset = day_number(settings.onset)
    first, last = run.days[0].day, run.days[-1].day
    starts = [onset + WEEK * n for n in range(-((onset - first) // WEEK), (last + 1 - onset) // WEEK)]
    weeks = [_period(history, _between(run, start, start + WEEK), onset) for start in starts]
    past = [week for week in weeks if week.first < 0]
    rolling = [
        (end - onset, value)
        for end in range(onset + 1, last + 2)
        if (value := _mean_precision(history, _between(run, end - WEEK, end))) is not None
    ]
    daily = [
        (day.day - onset, value) for day in run.days if (value := _precision(history, [day])) is not None
    ]
    second = _between(run, onset + 1, onset + 2)
    with_pattern = bool((history.data.typology[_rows(_between(run, onset, onset + WEEK))] == BURST).any())
    return Measured(
        change=change,
        policy=str(run.policy),
        seed=seed,
        before=float(np.mean([week.average_precision or 0.0 for week in past])),
        alert_rate_before=float(np.mean([week.alert_rate for week in past])),
        weeks=tuple(weeks),
        daily=tuple(daily),
        rolling=tuple(rolling),
        second_day_alert_rate=_alert_rate(second),
        retrainings=tuple(day - onset for day in run.retrainings),
        recalibrations=tuple(day - onset for day in run.recalibrations),
        alarms=tuple(
            {"day": day - onset} | alarm.model_dump(mode="json", exclude={"series"})
            for day, alarm in run.alarms
        ),
        reserve=_reserve(history, run, settings, onset) if with_pattern else None,
        seconds=seconds,
    )


def _between(run: Run, first: int, last: int) -> list[Day]:
    return [day for day in run.days if first <= day.day < last]


def _rows(days: Sequence[Day]) -> npt.NDArray[np.intp]:
    return np.concatenate([np.arange(day.rows.start, day.rows.stop) for day in days])


def _scores(days: Sequence[Day]) -> Scores:
    return Scores(
        np.concatenate([day.scores.probability for day in days]),
        {
            name: np.concatenate([day.scores.anomalies[name] for day in days])
            for name in days[0].scores.anomalies
        },
    )


def _alerted(days: Sequence[Day]) -> npt.NDArray[np.bool_]:
    return np.asarray(np.concatenate([day.decision for day in days]) == Decision.ALERT)


def _alert_rate(days: Sequence[Day]) -> float:
    return float(_alerted(days).mean())


def _budgeted(history: History, days: Sequence[Day], reserve: float | None = None) -> npt.NDArray[np.bool_]:
    """Alerts had each day spent exactly its budget: thresholds are then found on the day itself."""
    found = []
    for day in days:
        budget, amounts = day.policy.budget, history.amounts_of(day.rows)
        if reserve is not None:
            budget = budget.model_copy(update={"anomaly_reserve": reserve})
        policy = fit_policy(day.scores.probability, day.scores.anomalies, amounts, budget)
        found.append(alerts(day.scores, policy, amounts))
    return np.concatenate(found)


def _precision(history: History, days: Sequence[Day]) -> float | None:
    fraud = history.data.fraud[_rows(days)]
    return average_precision(fraud, _scores(days).probability) if fraud.any() else None


def _mean_precision(history: History, days: Sequence[Day]) -> float | None:
    values = [value for day in days if (value := _precision(history, [day])) is not None]
    return float(np.mean(values)) if values else None


def _period(history: History, days: Sequence[Day], onset: int) -> Period:
    fraud, alerted = history.data.fraud[_rows(days)], _alerted(days)
    some = bool(fraud.any())
    return Period(
        first=days[0].day - onset,
        days=len(days),
        frauds=int(fraud.sum()),
        average_precision=_mean_precision(history, days),
        pooled_average_precision=_precision(history, days),
        alert_rate=float(alerted.mean()),
        recall=float(alerted[fraud].mean()) if some else None,
        recall_at_budget=float(_budgeted(history, days)[fraud].mean()) if some else None,
    )


def _reserve(history: History, run: Run, settings: StudySettings, onset: int) -> Reserve:
    week = _between(run, onset, onset + WEEK)
    before = _between(run, onset - settings.reference_days, onset)
    rows, past, scores = _rows(week), _scores(before), _scores(week)
    new = history.data.typology[rows] == BURST
    known = history.data.fraud[rows] & ~new
    amounts, then = _amounts(history, week), _amounts(history, before)
    budget = week[0].policy.budget
    found: dict[str, float] = {}
    for name, share in (("", budget.anomaly_reserve), ("_without", 0.0)):
        policy = fit_policy(
            past.probability, past.anomalies, then, budget.model_copy(update={"anomaly_reserve": share})
        )
        alerted, spent = alerts(scores, policy, amounts), _budgeted(history, week, share)
        found |= {
            f"new_pattern{name}": float(alerted[new].mean()),
            f"known_patterns{name}": float(alerted[known].mean()),
            f"alert_rate{name}": float(alerted.mean()),
            f"new_pattern_spent{name}": float(spent[new].mean()),
            f"known_patterns_spent{name}": float(spent[known].mean()),
        }
    return Reserve(**found)


def _amounts(history: History, days: Sequence[Day]) -> npt.NDArray[np.float64]:
    return np.concatenate([history.amounts_of(day.rows) for day in days])
