"""Recalibration: thresholds for what is scored now, without a label and without training."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from include.detection.bundle import ModelBundle
from include.detection.decision import Decision, DecisionPolicy, decide, fit_policy
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
        bundle.probability(matrix),
        {detector.name: detector.score(matrix) for detector in bundle.anomaly_detectors},
    )


def alerts(scores: Scores, policy: DecisionPolicy, amounts: Floats) -> npt.NDArray[np.bool_]:
    """Which rows a policy alerts on, rules left out."""
    nobody: list[tuple[()]] = [()] * len(amounts)
    decided = decide(policy, scores.probability, scores.anomalies, nobody, amounts)
    return np.asarray(decided.decision == Decision.ALERT)


def recalibrated(
    bundle: ModelBundle, features: Any, amounts: Floats, at: datetime | None = None
) -> ModelBundle:
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
    at
        Aware; gives the model a version of its own, so that it can be published. None: it keeps its version and
        can not, for a version never changes once it is stored.
    """
    scores = scores_of(bundle, features)
    policy = fit_policy(scores.probability, scores.anomalies, amounts, bundle.policy.budget)
    manifest = bundle.manifest
    if at is not None:
        moment = at.astimezone(UTC)
        content = manifest.predictions_sha256 + policy.model_dump_json()
        version = f"{moment:%Y%m%dT%H%M%SZ}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
        manifest = manifest.model_copy(update={"version": version, "created_at": moment, "files": {}})
    return replace(bundle, policy=policy, manifest=manifest)
