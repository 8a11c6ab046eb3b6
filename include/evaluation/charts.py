"""Curves as SVG: no plotting library is needed for two lines in a box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import precision_recall_curve, roc_curve

from include.evaluation.experiment import Measured

Floats = npt.NDArray[np.float64]

WIDTH, HEIGHT, LEFT, TOP = 420, 340, 52, 28
_BOX = 280
_COLOURS = ("#1b6ca8", "#c8553d", "#588157", "#7b5ea7", "#a06a00", "#3a7d7c", "#8d3b72", "#555555")
_POINTS = 400


@dataclass(frozen=True, slots=True)
class Line:
    """One curve of a chart."""

    name: str
    colour: str
    points: str  # as the attribute of an SVG polyline has them


@dataclass(frozen=True, slots=True)
class Chart:
    """A box from 0 to 1 both ways, with a curve a fold."""

    title: str
    across: str
    up: str
    lines: tuple[Line, ...]


def curves(folds: Sequence[Measured]) -> tuple[Chart, Chart]:
    """Precision over recall, and the ROC curve."""
    precise, roc = [], []
    for i, fold in enumerate(folds):
        colour = _COLOURS[i % len(_COLOURS)]
        precision, recall, _ = precision_recall_curve(fold.fraud, fold.score)
        precise.append(
            _line(f"{fold.start} AP {fold.average_precision:.3f}", colour, recall[::-1], precision[::-1])
        )
        false, true, _ = roc_curve(fold.fraud, fold.score)
        roc.append(_line(f"{fold.start} AUC {fold.auc_roc:.3f}", colour, false, true))
    return (
        Chart("Precision and recall", "recall", "precision", tuple(precise)),
        Chart("ROC", "false positives", "recall", tuple(roc)),
    )


def _line(name: str, colour: str, across: Any, up: Any) -> Line:
    """Thin a curve out to what can be seen."""
    kept = np.unique(np.searchsorted(across, np.linspace(0, 1, _POINTS)).clip(max=len(across) - 1))
    spots = zip(LEFT + across[kept] * _BOX, TOP + (1 - up[kept]) * _BOX, strict=True)
    return Line(name, colour, " ".join(f"{x:.1f},{y:.1f}" for x, y in spots))
