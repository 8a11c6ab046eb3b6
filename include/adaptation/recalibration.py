"""Recalibration: thresholds for what is scored now, without a label and without training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from include.detection.bundle import ModelBundle
from include.detection.decision import fit_policy
from include.detection.matrix import feature_matrix

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """What a model says about n rows."""

    probability: Floats  # shape (n,)
    anomalies: Mapping[str, Floats]  # detector → shape (n,)


def scores_of(bundle: ModelBundle, features: Any) -> Scores:
    """Score rows without deciding on them.

    Parameters
    ----------
    bundle
        The model.
    features
        ``pyarrow.Table`` of n rows, one float64 column a feature.
    """
    matrix = feature_matrix(features, bundle.features)
    return Scores(
        bundle.calibration.probability(bundle.booster.score(matrix)),
        {detector.name: detector.score(matrix) for detector in bundle.anomaly_detectors},
    )


def recalibrated(bundle: ModelBundle, features: Any, amounts: Floats) -> ModelBundle:
    """The model with thresholds that spend its own budget on these rows.

    Thresholds found in training speak of the days held back then, and of a booster that had not seen them.
    After a promotion the newest days, whose labels are not known yet, are what comes next; after the alert rate
    has changed, the days since.

    Parameters
    ----------
    features
        ``pyarrow.Table`` of n rows, not trained on.
    amounts
        Shape (n,).
    """
    scores = scores_of(bundle, features)
    policy = fit_policy(scores.probability, scores.anomalies, amounts, bundle.policy.budget)
    return replace(bundle, policy=policy)
