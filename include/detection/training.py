"""Training: history and labels → a bundle."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from include.detection.bundle import ModelBundle
from include.detection.calibration import calibrate
from include.detection.decision import Budget, decide, fit_policy
from include.detection.detectors import ANOMALY_DETECTORS, AnomalyDetector, GradientBoosting
from include.detection.detectors.gradient_boosting import BoostingSettings
from include.detection.errors import TrainingRefused
from include.detection.evaluation import evaluate
from include.detection.manifest import Manifest, features_hash, library_versions
from include.detection.matrix import feature_matrix
from include.detection.profile import FeatureProfile

_PROFILE_ROWS = 50_000

#: Levels of a counterparty that hardly change from one payment to the next. A booster learns a compromised
#: counterparty by heart from them, since all of its payments in a stretch are fraud, and then suspects others that
#: look like it: without them AUC rose from .883 to .888 and average precision from .750 to .753 (mean of four
#: weeks of simulated card data). A burst within an hour tells another story and is read.
FINGERPRINTS = frozenset(
    f"counterparty_{what}_{window}"
    for what in ("count", "sum", "mean", "max", "distinct_accounts")
    for window in ("24h", "7d", "30d")
)

#: What the anomaly detectors read: what the account does now and within a day, held against its own habit. A pattern
#: no label has shown is told by that. Among all features it drowns: in levels of weeks that hardly move, in levels of
#: counterparties, and in known frauds, which say nothing of what is not known. With the same reserve, recall of a new
#: kind of fraud in its first week rose from .06 to .55 (bursts injected into simulated card data, three seeds);
#: see docs/adaptation.md for what else was tried.
BEHAVIOUR = frozenset(
    {
        *(f"account_{what}_{window}" for what in ("count", "sum", "max") for window in ("10m", "1h", "24h")),
        *(f"account_distinct_counterparties_{window}" for window in ("1h", "24h")),
        *(f"amount_over_account_{what}" for what in ("mean", "median", "max")),
        *(f"account_{what}_24h" for what in ("distinct_countries", "inflow", "outflow", "inflow_count")),
        *(f"is_new_{what}" for what in ("counterparty", "device", "country")),
        "amount_value",
        "seconds_since_last",
        "country_speed_kmh",
        "account_small_count_1h",
    }
)


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How a model is trained."""

    seed: int = 0
    fit_share: float = 0.75  # oldest rows, which the detectors are fitted on
    check_share: float = 0.125  # newest rows, which nothing but the thresholds and the metrics sees
    refit: bool = True  # the booster that is kept learns from the newest rows too
    min_rows: int = 1_000
    min_frauds: int = 20
    budget: Budget = field(default_factory=Budget)
    boosting: BoostingSettings = field(default_factory=BoostingSettings)
    #: Features the booster does not read; the anomaly detectors do.
    unread: frozenset[str] = FINGERPRINTS
    #: Features the anomaly detectors read.
    behaviour: frozenset[str] = BEHAVIOUR


def train(
    features: Any,
    labels: npt.NDArray[np.bool_],
    occurred_at: npt.NDArray[np.datetime64],
    amounts: npt.NDArray[np.float64],
    typologies: Sequence[str | None] | None = None,
    settings: TrainingSettings | None = None,
    created_at: datetime | None = None,
) -> ModelBundle:
    """Train every detector, calibrate, find the thresholds and measure, all in the order of time.

    The oldest ``fit_share`` of the rows fits the detectors. The rows after it calibrate the booster's
    scores. The newest ``check_share`` measures. Thresholds need no labels and are found on everything
    after the fit, so that they hold for the newest amounts and habits too. At last the booster is fitted
    again on all rows, under the calibration and the thresholds found: the newest frauds are those most
    like the next ones. So the metrics speak of a booster that knew less than the one kept.

    Parameters
    ----------
    features
        ``pyarrow.Table`` of n rows, one float64 column a feature, NaN = not applicable; its columns, in
        their order, become the model's feature schema.
    labels
        Shape (n,), true for fraud *as known when the model is trained*.
    occurred_at
        Shape (n,), UTC, any unit; rows may come in any order.
    amounts
        Shape (n,).
    typologies
        n names for the metrics, "" or None where there is no fraud.
    settings
        Seed, shares, budget.
    created_at
        Aware; now by default.

    Returns
    -------
    ModelBundle
        Its manifest has no file hashes before it is saved.

    Raises
    ------
    TrainingRefused
        Too few rows or frauds, or lengths that do not fit.
    """
    settings = settings or TrainingSettings()
    names = tuple(features.column_names)
    n = features.num_rows
    flags = np.asarray(labels, dtype=bool)
    _check(n, flags, occurred_at, amounts, typologies, settings)

    order = np.argsort(occurred_at, kind="stable")
    matrix = feature_matrix(features, names)[order]
    flags, times, money = flags[order], occurred_at[order], np.asarray(amounts, dtype=np.float64)[order]
    fitted, checked = int(n * settings.fit_share), n - int(n * settings.check_share)

    unread = np.array([name in settings.unread for name in names])
    booster = GradientBoosting(settings.boosting, unread)
    booster.fit(matrix[:fitted], flags[:fitted], settings.seed)
    aside = np.array([name not in settings.behaviour for name in names])
    aside &= not aside.all()  # with none of them there is nothing else to read
    detectors: tuple[AnomalyDetector, ...] = tuple(kind(unread=aside) for kind in ANOMALY_DETECTORS)
    for detector in detectors:
        detector.fit(matrix[:fitted], flags[:fitted], settings.seed)

    raw = booster.score(matrix[fitted:])
    calibration = calibrate(raw[: checked - fitted], flags[fitted:checked])
    probability = calibration.probability(raw)
    anomalies = {detector.name: detector.score(matrix[fitted:]) for detector in detectors}
    policy = fit_policy(probability, anomalies, money[fitted:], settings.budget)

    newest = slice(checked - fitted, None)
    decisions = decide(
        policy,
        probability[newest],
        {name: scores[newest] for name, scores in anomalies.items()},
        [()] * (n - checked),
        money[checked:],
    )
    metrics = evaluate(
        probability[newest],
        decisions.decision,
        flags[checked:],
        None if typologies is None else [typologies[row] for row in order[checked:]],
    )
    if settings.refit:
        booster = GradientBoosting(settings.boosting, unread)
        booster.fit(matrix, flags, settings.seed)
        probability = calibration.probability(booster.score(matrix[fitted:]))
    predictions = hashlib.sha256(probability.tobytes())
    for scores in anomalies.values():
        predictions.update(scores.tobytes())
    moment = (created_at or datetime.now(UTC)).astimezone(UTC)
    sample = np.random.default_rng(settings.seed).permutation(fitted)[:_PROFILE_ROWS]
    return ModelBundle(
        booster=booster,
        anomaly_detectors=detectors,
        calibration=calibration,
        policy=policy,
        profile=FeatureProfile.learn(matrix[sample]),
        manifest=Manifest(
            version=f"{moment:%Y%m%dT%H%M%SZ}-{predictions.hexdigest()[:8]}",
            created_at=moment,
            files={},
            features=names,
            features_sha256=features_hash(names),
            libraries=library_versions(),
            trained_from=_moment(times[0]),
            trained_to=_moment(times[-1]),
            seed=settings.seed,
            rows=n,
            frauds=int(flags.sum()),
            predictions_sha256=predictions.hexdigest(),
            metrics=metrics,
        ),
    )


def _check(
    n: int,
    labels: npt.NDArray[np.bool_],
    occurred_at: npt.NDArray[np.datetime64],
    amounts: npt.NDArray[np.float64],
    typologies: Sequence[str | None] | None,
    settings: TrainingSettings,
) -> None:
    lengths = {len(labels), len(occurred_at), len(amounts), n if typologies is None else len(typologies)}
    if lengths != {n}:
        raise TrainingRefused(
            f"expected labels, times, amounts and typologies for each of the {n} rows of features, "
            f"got lengths {sorted(lengths)}; join them by transaction_id first"
        )
    frauds = int(labels.sum())
    if n < settings.min_rows or frauds < settings.min_frauds:
        raise TrainingRefused(
            f"expected at least {settings.min_rows} rows and {settings.min_frauds} known frauds, got {n} and "
            f"{frauds}; wait for more labels, or train on a longer window"
        )


def _moment(time: np.datetime64) -> datetime:
    return datetime.fromtimestamp(int(time.astype("datetime64[us]").astype(np.int64)) / 1e6, UTC)
