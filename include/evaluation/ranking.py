"""What a ranking of transactions by suspicion is worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, roc_auc_score

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

CARDS_A_DAY = 100
FALSE_POSITIVE_SHARE = 0.001


def auc_roc(fraud: Flags, score: Floats) -> float:
    """Area under the ROC curve."""
    return float(roc_auc_score(fraud, score))


def average_precision(fraud: Flags, score: Floats) -> float:
    """Average precision."""
    return float(average_precision_score(fraud, score))


def card_precision(
    days: Sequence[npt.NDArray[np.intp]],
    card: npt.NDArray[np.int64],
    fraud: Flags,
    score: Floats,
    top: int = CARDS_A_DAY,
) -> float:
    """Mean over days of the share of compromised cards among the ``top`` highest-scored.

    A card's score is that of its most suspicious transaction of the day. A compromised card that is found
    leaves the pool of the days after.

    Parameters
    ----------
    days
        Rows of each day, in order.
    card, fraud, score
        Shape (n,).

    Notes
    -----
    Le Borgne et al.: Reproducible Machine Learning for Credit Card Fraud Detection, section 4.4.
    """
    found = np.zeros(0, dtype=np.int64)
    shares = []
    for rows in days:
        rows = rows[~np.isin(card[rows], found)]
        cards, which = np.unique(card[rows], return_inverse=True)
        highest = np.full(len(cards), -np.inf)
        np.maximum.at(highest, which, score[rows])
        compromised = np.zeros(len(cards), dtype=bool)
        np.logical_or.at(compromised, which, fraud[rows])
        best = np.argsort(-highest, kind="stable")[:top]
        hits = cards[best[compromised[best]]]
        shares.append(len(hits) / top)
        found = np.concatenate([found, hits])
    return float(np.mean(shares))


def recall_at_false_positives(
    fraud: Flags, score: Floats, typology: npt.NDArray[np.object_], share: float = FALSE_POSITIVE_SHARE
) -> dict[str, float]:
    """Share of each typology's frauds above the score that ``share`` of the honest rows exceed."""
    threshold = np.quantile(score[~fraud], 1 - share)
    names = sorted(set(typology[fraud].tolist()))
    return {str(name): float((score[fraud & (typology == name)] > threshold).mean()) for name in names}
