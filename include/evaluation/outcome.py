"""The record behind ``reports/evaluation.json``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from include.evaluation.experiment import Measured
from include.evaluation.protocol import History, Protocol
from include.reports.checks import Bound, Check

METRICS = ("auc_roc", "average_precision", "card_precision_at_100")

#: (must, aim) on the published validation folds; see docs of the Handbook's data.
_BOUNDS: dict[History, dict[str, tuple[float | None, float | None]]] = {
    History.STRICT: {
        "average_precision": (0.74, 0.755),
        "card_precision_at_100": (0.288, 0.295),
        "auc_roc": (0.885, 0.895),
    },
    History.OPEN: {"average_precision": (0.76, 0.775)},
}
#: No detector without knowledge of the future comes here on that data.
_LEAK_FROM = 0.80


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything an evaluation found out."""

    data: str  # name of the file
    rows: int
    protocol: Protocol
    folds: tuple[Measured, ...]
    leak: str | None  # what the audit found

    def over_folds(self, statistic: Callable[[Sequence[float]], Any]) -> dict[str, float]:
        """A statistic of each metric."""
        return {name: float(statistic([getattr(fold, name) for fold in self.folds])) for name in METRICS}

    @property
    def mean(self) -> dict[str, float]:
        """Mean of each metric over the folds."""
        return self.over_folds(np.mean)

    @property
    def deviation(self) -> dict[str, float]:
        """Standard deviation of each metric over the folds, of the sample."""
        return self.over_folds(lambda values: np.std(values, ddof=1) if len(values) > 1 else 0.0)

    @property
    def recall(self) -> dict[str, float]:
        """Mean recall of each typology over the folds that have it."""
        names = sorted({name for fold in self.folds for name in fold.recall})
        return {
            name: float(np.mean([f.recall[name] for f in self.folds if name in f.recall])) for name in names
        }

    def checks(self) -> list[Check]:
        """What must hold, and what we aim at."""
        mean, history = self.mean, self.protocol.history
        found = [
            Check(
                f"{history} {name}",
                mean[name],
                None if must is None else Bound(">=", must),
                None if aim is None else Bound(">=", aim),
            )
            for name, (must, aim) in _BOUNDS[history].items()
        ]
        found.append(Check("features know no label inside the delay", self.leak is None, Bound("==", True)))
        too_good = Bound("<=", _LEAK_FROM)
        found.append(
            Check("average precision is not too good to be true", mean["average_precision"], too_good)
        )
        return found

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "data": self.data,
            "rows": self.rows,
            "protocol": {
                "train_days": self.protocol.train_days,
                "delay_days": self.protocol.delay_days,
                "test_days": self.protocol.test_days,
                "history": str(self.protocol.history),
            },
            "folds": [
                {
                    "start": fold.start.isoformat(),
                    "rows": fold.rows,
                    "frauds": fold.frauds,
                    **{name: getattr(fold, name) for name in METRICS},
                    "recall_at_0.1_percent_false_positives": fold.recall,
                    "seconds": round(fold.seconds, 1),
                }
                for fold in self.folds
            ],
            "mean": self.mean,
            "standard_deviation": self.deviation,
            "recall_at_0.1_percent_false_positives": self.recall,
            "leak": self.leak,
            "checks": [check.document() for check in self.checks()],
        }
