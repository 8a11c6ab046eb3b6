"""Calibration: the booster's log-odds → a probability of fraud."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, model_validator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

Floats = npt.NDArray[np.float64]

#: Log-odds at which the curve ends: probability 0 on the left, 1 on the right.
_END = 40.0
#: With fewer frauds than this a two-parameter curve is the better guess (Niculescu-Mizil, Caruana 2005).
_ENOUGH_FRAUDS = 100


class Calibration(BaseModel):
    """A strictly rising curve through knots, linear in between.

    Strictly rising, so that ranking by probability is ranking by score and a threshold on the one is
    a threshold on the other.
    """

    model_config = ConfigDict(frozen=True)

    method: str  # "isotonic" or "platt"
    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        scores, probabilities = np.array(self.scores), np.array(self.probabilities)
        if len(scores) != len(probabilities) or len(scores) < 2:
            raise ValueError("expected two or more knots, each with score and probability")
        if not ((np.diff(scores) > 0).all() and (np.diff(probabilities) > 0).all()):
            raise ValueError("expected knots that rise in score and probability")
        if probabilities[0] < 0 or probabilities[-1] > 1:
            raise ValueError("expected probabilities within 0..1")
        return self

    def probability(self, scores: Floats) -> Floats:
        """Probability of fraud for each score: shape (n,) → (n,)."""
        return np.asarray(np.interp(scores, self.scores, self.probabilities), dtype=np.float64)


def calibrate(scores: Floats, labels: npt.NDArray[np.bool_]) -> Calibration:
    """Fit the curve on held-out scores: isotonic with enough frauds, else Platt.

    Parameters
    ----------
    scores
        Shape (n,), log-odds of the booster on rows it was not fitted on.
    labels
        Shape (n,), true for fraud; both kinds must occur for anything better than a guess.
    """
    frauds = int(labels.sum())
    enough = _ENOUGH_FRAUDS <= frauds <= len(labels) - _ENOUGH_FRAUDS
    return _isotonic(scores, labels) if enough else _platt(scores, labels)


def _isotonic(scores: Floats, labels: npt.NDArray[np.bool_]) -> Calibration:
    """Centred isotonic regression: each flat piece becomes one knot at its mean score.

    Oron, Flournoy: Centered isotonic regression, Statistics in Biopharmaceutical Research 2017.
    """
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0).fit_transform(scores, labels.astype(np.float64))
    values, piece = np.unique(fitted, return_inverse=True)
    sizes = np.bincount(piece)
    centres = np.bincount(piece, weights=scores) / sizes
    # n rows without a fraud do not prove the probability 0: the rule of succession keeps both ends open.
    values = np.clip(values, 0.5 / (sizes[0] + 1), 1 - 0.5 / (sizes[-1] + 1))
    return _through("isotonic", centres, values)


def _platt(scores: Floats, labels: npt.NDArray[np.bool_]) -> Calibration:
    """Platt scaling with his targets for few frauds (Platt 1999), drawn as knots."""
    frauds = int(labels.sum())
    ordinary = len(labels) - frauds
    high, low = (frauds + 1) / (frauds + 2), 1 / (ordinary + 2)
    target = np.where(labels, high, low)
    both = np.concatenate([scores, scores]).reshape(-1, 1)
    outcome = np.concatenate([np.ones(len(scores)), np.zeros(len(scores))])
    fit = LogisticRegression(C=1e6).fit(both, outcome, sample_weight=np.concatenate([target, 1 - target]))
    slope = max(float(fit.coef_[0, 0]), 1e-3)
    grid = np.linspace(-_END / 2, _END / 2, 401)
    return _through("platt", grid, 1 / (1 + np.exp(-(slope * grid + float(fit.intercept_[0])))))


def _through(method: str, scores: Floats, probabilities: Floats) -> Calibration:
    """Add the ends and leave out knots that do not rise."""
    xs, ys = [-_END], [0.0]
    for x, y in zip(scores.tolist(), probabilities.tolist(), strict=True):
        if x > xs[-1] + 1e-9 and ys[-1] + 1e-12 < y < 1 - 1e-12 and x < _END:
            xs.append(x)
            ys.append(y)
    return Calibration(method=method, scores=(*xs, _END), probabilities=(*ys, 1.0))
