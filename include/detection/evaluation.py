"""Metrics on the held-out tail."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, roc_auc_score

from include.detection.decision import Decision
from include.detection.manifest import Metrics, TypologyRecall

Floats = npt.NDArray[np.float64]


def evaluate(
    probability: Floats,
    decision: npt.NDArray[np.int8],
    labels: npt.NDArray[np.bool_],
    typologies: Sequence[str | None] | None,
) -> Metrics:
    """Measure n decisions against their labels.

    Parameters
    ----------
    probability
        Shape (n,).
    decision
        Shape (n,), values of ``Decision``.
    labels
        Shape (n,), true for fraud.
    typologies
        n names, "" or None where there is no fraud; None: not known.
    """
    n, frauds = len(labels), int(labels.sum())
    alerted = decision == Decision.ALERT
    caught, alerts = int((alerted & labels).sum()), int(alerted.sum())
    both = 0 < frauds < n
    found: dict[str, TypologyRecall] = {}
    if typologies is not None:
        names = np.array([name or "" for name in typologies], dtype=object)
        for name in sorted(set(names[labels].tolist()) - {""}):
            rows = labels & (names == name)
            found[name] = TypologyRecall(frauds=int(rows.sum()), alerted=int((rows & alerted).sum()))
    return Metrics(
        average_precision=float(average_precision_score(labels, probability)) if both else None,
        roc_auc=float(roc_auc_score(labels, probability)) if both else None,
        recall_at_budget=caught / frauds if frauds else None,
        precision_at_budget=caught / alerts if alerts else None,
        alert_share=alerts / n if n else 0.0,
        review_share=float((decision == Decision.REVIEW).mean()) if n else 0.0,
        rows=n,
        frauds=frauds,
        typologies=found,
    )
