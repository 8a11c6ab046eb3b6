"""The decision: what to do with each transaction, within a budget of alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from include.alerts.alert import Severity
from include.detection.budget import joint_thresholds, threshold_for
from include.rules.rule import Action, RuleHit

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

#: Suspected typology where no rule names one.
UNKNOWN = "unknown"
_SEVERITIES = tuple(Severity)


class Decision(IntEnum):
    """What to do with a transaction, in rising order."""

    ALLOW = 0
    REVIEW = 1  # an analyst may look at it
    ALERT = 2  # somebody is told at once


class Budget(BaseModel):
    """How many transactions may be flagged, as shares of all; rules come on top."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alerts: float = 0.01
    reviews: float = 0.02
    #: Part of both that is kept for the anomaly detectors: it finds patterns no label has shown yet.
    anomaly_reserve: float = 0.2


class AnomalyThreshold(BaseModel):
    """From which score on an anomaly detector speaks up; None: never."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    detector: str
    alert: float | None
    review: float | None


class DecisionPolicy(BaseModel):
    """Thresholds found in training; with them a decision depends on its own row only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    budget: Budget
    alert_probability: float | None
    review_probability: float | None
    anomalies: tuple[AnomalyThreshold, ...]
    #: Probabilities from which an incident is MEDIUM, HIGH and CRITICAL.
    severity_probabilities: tuple[float, float, float] = (0.2, 0.5, 0.9)
    #: Amounts from here on raise the severity by one step.
    large_amount: float


@dataclass(frozen=True, slots=True)
class Decisions:
    """The decisions on n rows."""

    decision: npt.NDArray[np.int8]  # shape (n,), values of ``Decision``
    severity: tuple[Severity, ...]
    typology: tuple[str, ...]  # "" for ALLOW
    by_model: Flags  # the probability reached a threshold
    by_anomaly: Flags  # an anomaly detector reached a threshold


def fit_policy(
    probability: Floats, anomalies: Mapping[str, Floats], amounts: Floats, budget: Budget
) -> DecisionPolicy:
    """Find the thresholds that spend the budget on held-out rows.

    Parameters
    ----------
    probability
        Shape (n,), calibrated.
    anomalies
        Anomaly detector → scores of shape (n,).
    amounts
        Shape (n,).
    budget
        What may be spent.
    """
    reserve = budget.anomaly_reserve if anomalies else 0.0
    taken = np.zeros(len(probability), dtype=bool)
    spent: list[tuple[float, dict[str, float]]] = []
    for share in (budget.alerts, budget.reviews):
        # Reviews are what lies between the two thresholds, so they are counted among the rows not yet taken.
        threshold = threshold_for(probability[~taken], share * (1 - reserve), of=len(taken))
        if spent:
            threshold = min(threshold, spent[0][0])
        taken |= probability >= threshold
        joint = joint_thresholds(anomalies, ~taken, share * reserve)
        for name, scores in anomalies.items():
            taken |= scores >= joint[name]
        spent.append((threshold, joint))
    (alert, alert_joint), (review, review_joint) = spent
    return DecisionPolicy(
        budget=budget,
        alert_probability=_finite(alert),
        review_probability=_finite(review),
        anomalies=tuple(
            AnomalyThreshold(
                detector=name,
                alert=_finite(alert_joint[name]),
                review=_finite(min(review_joint[name], alert_joint[name])),
            )
            for name in anomalies
        ),
        large_amount=float(np.quantile(amounts, 0.995)) if len(amounts) else 10_000.0,
    )


def decide(
    policy: DecisionPolicy | None,
    probability: Floats | None,
    anomalies: Mapping[str, Floats],
    hits: Sequence[tuple[RuleHit, ...]],
    amounts: Floats,
) -> Decisions:
    """Decide on n rows, each on its own.

    Parameters
    ----------
    policy, probability, anomalies
        The model's part: None, None and nothing when only the rules are at hand.
    hits
        n tuples. A hit with action ALERT makes an alert, REVIEW at least a review, whatever the model says.
    amounts
        Shape (n,), in the transaction's currency.
    """
    n = len(hits)
    level = np.zeros(n, dtype=np.int8)
    by_model = np.zeros(n, dtype=bool)
    by_anomaly = np.zeros(n, dtype=bool)
    anomaly_alert = np.zeros(n, dtype=bool)
    if policy is not None and probability is not None:
        by_model = _reach(probability, policy.review_probability)
        level[by_model] = Decision.REVIEW
        level[_reach(probability, policy.alert_probability)] = Decision.ALERT
        for threshold in policy.anomalies:
            scores = anomalies[threshold.detector]
            by_anomaly |= _reach(scores, threshold.review)
            anomaly_alert |= _reach(scores, threshold.alert)
        level[by_anomaly] = np.maximum(level[by_anomaly], Decision.REVIEW)
        level[anomaly_alert] = Decision.ALERT
    for index, found in enumerate(hits):
        for hit in found:
            wanted = Decision.ALERT if hit.action == Action.ALERT else Decision.REVIEW
            level[index] = max(int(level[index]), wanted)
    severity = [Severity.LOW] * n
    typology = [""] * n
    for row in np.flatnonzero(level).tolist():
        chance = 0.0 if probability is None else float(probability[row])
        severity[row] = _severity(policy, chance, bool(anomaly_alert[row]), hits[row], float(amounts[row]))
        ranked = sorted(hits[row], key=lambda hit: -_SEVERITIES.index(Severity(hit.severity)))
        typology[row] = str(ranked[0].typology) if ranked else UNKNOWN
    return Decisions(level, tuple(severity), tuple(typology), by_model, by_anomaly)


def _severity(
    policy: DecisionPolicy | None, chance: float, odd: bool, hits: tuple[RuleHit, ...], amount: float
) -> Severity:
    """The worst of what model, anomaly detectors and rules say, one step up for a large amount."""
    rank: int = max([_SEVERITIES.index(Severity(hit.severity)) for hit in hits], default=0)
    if odd:
        rank = max(rank, _SEVERITIES.index(Severity.MEDIUM))
    if policy is not None:
        rank = max(rank, sum(bool(chance >= bound) for bound in policy.severity_probabilities))
        rank += int(amount >= policy.large_amount)
    return _SEVERITIES[min(rank, len(_SEVERITIES) - 1)]


def _reach(values: Floats, threshold: float | None) -> Flags:
    return np.zeros(len(values), dtype=bool) if threshold is None else values >= threshold


def _finite(threshold: float) -> float | None:
    """JSON knows no infinity."""
    return threshold if np.isfinite(threshold) else None
