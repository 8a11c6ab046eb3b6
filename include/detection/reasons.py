"""Why a transaction was flagged, in words a bank clerk understands."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from include.rules.rule import RuleHit

Floats = npt.NDArray[np.float64]

#: (feature name, value) → words.
Words = Callable[[str, float], str]

CONTRIBUTIONS = 5
_ANOMALY_DRIVERS = 3
#: A feature nearer to its median than this (robust z-score) drives no anomaly.
_FAR = 3.0


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one row was flagged."""

    reasons: tuple[str, ...]  # most important first, never empty
    contributions: str  # JSON object: feature → log-odds it added, largest first


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the models know about k flagged rows of f features."""

    names: tuple[str, ...]
    values: Floats  # (k, f)
    contributions: Floats  # (k, f), log-odds
    distance: Floats  # (k, f), robust z-scores
    probability: Floats  # (k,)
    by_anomaly: npt.NDArray[np.bool_]  # (k,)


def catalogue_words(name: str, value: float) -> str:
    """Words of the feature catalogue; the bare name for a feature it does not know."""
    from include.features.catalogue import FEATURES

    feature = FEATURES.get(name)
    return f"{name} = {value:g}" if feature is None else feature.in_words(value)


def explain(
    hits: Sequence[tuple[RuleHit, ...]], evidence: Evidence | None, words: Words = catalogue_words
) -> list[Explanation]:
    """Explain k flagged rows: rules first, then the model's reasons, then what is unusual.

    Parameters
    ----------
    hits
        k tuples of rule hits.
    evidence
        None when only the rules spoke.
    words
        How to say a feature's value.
    """
    explanations = []
    for row, found in enumerate(hits):
        reasons = [hit.reason for hit in found]
        top: dict[str, float] = {}
        if evidence is not None:
            top = _top(evidence, row)
            values = dict(zip(evidence.names, evidence.values[row].tolist(), strict=True))
            reasons += [_sentence(words(name, values[name])) for name, added in top.items() if added > 0]
            if evidence.by_anomaly[row]:
                reasons += _unusual(evidence, row, words)
            if not reasons:
                reasons.append(f"Probability of fraud {evidence.probability[row]:.0%} by the model")
        explanations.append(Explanation(tuple(dict.fromkeys(reasons)), json.dumps(top)))
    return explanations


def _top(evidence: Evidence, row: int) -> dict[str, float]:
    """The features that moved the log-odds most, either way."""
    added = evidence.contributions[row]
    order = np.argsort(-np.abs(added), kind="stable")[:CONTRIBUTIONS]
    return {evidence.names[i]: round(float(added[i]), 4) for i in order if added[i] != 0}


def _unusual(evidence: Evidence, row: int, words: Words) -> list[str]:
    """The features furthest from what is usual."""
    distance = evidence.distance[row]
    order = np.argsort(-distance, kind="stable")[:_ANOMALY_DRIVERS]
    far = [i for i in order if distance[i] >= _FAR]
    if not far:
        return ["Unusual: a combination of values that ordinary payments do not have"]
    return [f"Unusual: {words(evidence.names[i], float(evidence.values[row, i]))}" for i in far]


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
