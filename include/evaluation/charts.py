"""The curves of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_curve, roc_curve

from include.evaluation.experiment import Measured
from include.reports.charts import COLOURS, Chart, Series, unit_chart

_POINTS = 400


def curves(folds: Sequence[Measured]) -> tuple[Chart, Chart]:
    """Precision over recall, and the ROC curve."""
    precise, roc = [], []
    for i, fold in enumerate(folds):
        colour = COLOURS[i % len(COLOURS)]
        precision, recall, _ = precision_recall_curve(fold.fraud, fold.score)
        precise.append(
            _thinned(f"{fold.start} AP {fold.average_precision:.3f}", colour, recall[::-1], precision[::-1])
        )
        false, true, _ = roc_curve(fold.fraud, fold.score)
        roc.append(_thinned(f"{fold.start} AUC {fold.auc_roc:.3f}", colour, false, true))
    return (
        unit_chart("Precision and recall", "recall", "precision", precise),
        unit_chart("ROC", "false positives", "recall", roc),
    )


def _thinned(name: str, colour: str, across: Any, up: Any) -> Series:
    """Thin a curve out to what can be seen."""
    kept = np.unique(np.searchsorted(across, np.linspace(0, 1, _POINTS)).clip(max=len(across) - 1))
    return Series(name, across[kept].tolist(), up[kept].tolist(), colour)
