"""What a model says about itself."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version

import numpy as np
from pydantic import BaseModel, ConfigDict

from include.detection.errors import ModelRefused

#: Library → how many leading parts of its version must agree. XGBoost reads its own format within a major
#: version; scikit-learn promises nothing about fitted attributes between minor versions.
_MUST_AGREE = {"xgboost": 1, "scikit-learn": 2, "skops": 1, "numpy": 1}
#: The CPU build goes by another name on PyPI.
_DISTRIBUTIONS = {"xgboost": ("xgboost", "xgboost-cpu")}


class TypologyRecall(BaseModel):
    """How many of the frauds of one typology were alerted on, rules left out."""

    model_config = ConfigDict(frozen=True)

    frauds: int
    alerted: int


class Metrics(BaseModel):
    """Measured on the newest rows, which nothing was fitted on; None where there was no fraud."""

    model_config = ConfigDict(frozen=True)

    average_precision: float | None
    roc_auc: float | None
    recall_at_budget: float | None  # share of frauds among the alerts the policy makes, rules left out
    precision_at_budget: float | None
    alert_share: float
    review_share: float
    rows: int
    frauds: int
    typologies: dict[str, TypologyRecall]


class Manifest(BaseModel):
    """Identity, origin and quality of a model, and the hash of every file of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    created_at: datetime
    files: dict[str, str]  # name → SHA-256, hexadecimal; the manifest itself is not in it
    features: tuple[str, ...]
    features_sha256: str
    libraries: dict[str, str]
    trained_from: datetime
    trained_to: datetime
    seed: int
    rows: int
    frauds: int
    predictions_sha256: str  # of the scores on the held-out tail: equal for equal data, seed and libraries
    metrics: Metrics


def features_hash(names: Sequence[str]) -> str:
    """SHA-256 of the names in their order."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def library_versions() -> dict[str, str]:
    """The versions a model depends on, as installed."""
    return {name: _installed(name) for name in _MUST_AGREE}


def check_compatible(manifest: Manifest, features: Sequence[str] | None) -> None:
    """Refuse a model that this installation cannot be trusted to run.

    Parameters
    ----------
    manifest
        Of the model.
    features
        The features this release computes; None: not checked.

    Raises
    ------
    ModelRefused
        Another feature schema, or a library version too far away.
    """
    if manifest.features_sha256 != features_hash(manifest.features):
        raise ModelRefused(
            f"model {manifest.version}: expected the hash of its {len(manifest.features)} feature names, "
            "got another; the manifest was changed by hand, publish the model again"
        )
    if features is not None and tuple(features) != manifest.features:
        lost = sorted(set(manifest.features) - set(features))
        new = sorted(set(features) - set(manifest.features))
        raise ModelRefused(
            f"model {manifest.version}: expected the feature schema of this release, got another "
            f"(no longer computed: {', '.join(lost) or 'none'}; unknown to the model: "
            f"{', '.join(new) or 'none'}); train a model with this release"
        )
    for name, parts in _MUST_AGREE.items():
        trained, installed = manifest.libraries.get(name, "none"), _installed(name)
        if trained.split(".")[:parts] != installed.split(".")[:parts]:
            raise ModelRefused(
                f"model {manifest.version}: expected it to be trained with {name} "
                f"{'.'.join(installed.split('.')[:parts])}, got {trained}; "
                "install the versions of requirements.lock, or train again"
            )


def _installed(name: str) -> str:
    if name == "numpy":
        return np.__version__
    for distribution in _DISTRIBUTIONS.get(name, (name,)):
        try:
            return version(distribution)
        except ModuleNotFoundError:
            continue
    return "none"
