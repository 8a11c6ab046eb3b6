"""Scoring: transactions, features, model and rules → a scored table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.detection.bundle import ModelBundle
from include.detection.decision import Decision, Decisions, decide
from include.detection.errors import ScoringError
from include.detection.matrix import feature_matrix
from include.detection.reasons import Evidence, Explanation, Words, catalogue_words, explain
from include.detection.scored import FULL, RULES_ONLY, scored_schema
from include.rules.rule import RuleHit
from include.transactions.schema import ACCEPTED_SCHEMA

Floats = npt.NDArray[np.float64]


class Rules(Protocol):
    """What scoring asks of a rule set; ``include.rules`` has it."""

    @property
    def version(self) -> str:
        """Names the contents of the rule set."""
        ...

    def evaluate(self, table: Any) -> list[tuple[RuleHit, ...]]:
        """Hits of each row of a table of transactions joined with their features."""
        ...


@dataclass(frozen=True, slots=True)
class _Judged:
    """What the models say about n rows; empty when there is no model."""

    matrix: Floats | None = None
    raw: Floats | None = None
    probability: Floats | None = None
    anomalies: Mapping[str, Floats] = field(default_factory=dict)


def score_batch(
    transactions: Any,
    features: Any,
    bundle: ModelBundle | None,
    rules: Rules,
    scored_at: datetime,
    words: Words = catalogue_words,
    level: str | None = None,
) -> Any:
    """Score a batch. Each row of the result depends on that row of the input alone, and on ``scored_at``.

    Parameters
    ----------
    transactions
        ``pyarrow.Table`` of n rows with the columns of ``ACCEPTED_SCHEMA``; others are left out.
    features
        ``pyarrow.Table`` of n rows in the same order, one float64 column a feature.
    bundle
        The model; None scores by rules alone (level ``RULES_ONLY``).
    rules
        The rule set.
    scored_at
        Aware.
    words
        How reasons say a feature's value.
    level
        Of the decisions, if it is not ``FULL`` or, without a model, ``RULES_ONLY``.

    Returns
    -------
    pyarrow.Table
        n rows in the same order, schema ``scored_schema(features.column_names)``.

    Raises
    ------
    ScoringError
        Rows do not match, a column is missing, or ``scored_at`` has no time zone.
    """
    _check(transactions, features, scored_at)
    transactions = transactions.select(ACCEPTED_SCHEMA.names).cast(ACCEPTED_SCHEMA)
    joined = transactions
    for name in features.column_names:
        joined = joined.append_column(name, features[name])
    hits = rules.evaluate(joined)
    amounts = transactions["amount"].cast(pa.float64()).to_numpy()
    judged = _judge(features, bundle)
    decisions = decide(
        None if bundle is None else bundle.policy, judged.probability, judged.anomalies, hits, amounts
    )
    rows = np.flatnonzero(decisions.decision)
    flagged_hits = [hits[row] for row in rows]
    explanations = explain(flagged_hits, _evidence(bundle, judged, decisions, rows), words)
    return _table(
        transactions,
        features,
        hits,
        judged,
        decisions,
        dict(zip(rows.tolist(), explanations, strict=True)),
        [
            level or (FULL if bundle is not None else RULES_ONLY),
            bundle.version if bundle is not None else "",
            rules.version,
            scored_at.astimezone(UTC),
        ],
    )


def _judge(features: Any, bundle: ModelBundle | None) -> _Judged:
    if bundle is None:
        return _Judged()
    matrix = feature_matrix(features, bundle.features)
    raw = bundle.booster.score(matrix)
    return _Judged(
        matrix,
        raw,
        bundle.calibration.probability(raw),
        {detector.name: detector.score(matrix) for detector in bundle.anomaly_detectors},
    )


def _evidence(
    bundle: ModelBundle | None, judged: _Judged, decisions: Decisions, rows: npt.NDArray[np.intp]
) -> Evidence | None:
    if bundle is None or judged.matrix is None or judged.probability is None:
        return None
    values = judged.matrix[rows]
    # Exact where somebody is told at once; most of what is flagged is a review, and these would take as
    # long as all else together.
    contributions = bundle.booster.contributions(values, exact=False)
    alerts = decisions.decision[rows] == Decision.ALERT
    contributions[alerts] = bundle.booster.contributions(values[alerts])
    return Evidence(
        names=bundle.features,
        values=values,
        contributions=contributions,
        distance=_of_what_is_read(bundle, bundle.profile.distance(values)),
        probability=judged.probability[rows],
        by_anomaly=decisions.by_anomaly[rows],
    )


def _of_what_is_read(bundle: ModelBundle, distance: Floats) -> Floats:
    """Distances of the features that anomaly detectors read; what they do not see made nothing unusual."""
    read = np.zeros(distance.shape[1], dtype=bool)
    for detector in bundle.anomaly_detectors:
        read[detector.columns] = True
    return np.where(read, distance, 0.0)


def _table(
    transactions: Any,
    features: Any,
    hits: list[tuple[RuleHit, ...]],
    judged: _Judged,
    decisions: Decisions,
    explanations: Mapping[int, Explanation],
    constants: list[Any],
) -> Any:
    n = transactions.num_rows
    names = features.column_names
    schema = scored_schema(names)
    level_of = np.array([level.name for level in Decision], dtype=object)

    def floats(values: Floats | None) -> Any:
        return pa.nulls(n, pa.float64()) if values is None else pa.array(values, pa.float64())

    columns = [column.combine_chunks() for column in transactions.columns]
    columns += [
        pa.StructArray.from_arrays(
            [features[name].cast(pa.float64()).combine_chunks() for name in names],
            fields=list(schema.field("features").type),
        ),
        pa.array(level_of[decisions.decision], pa.string()),
        floats(judged.probability),
        floats(judged.raw),
        floats(judged.anomalies.get("isolation_forest")),
        floats(judged.anomalies.get("one_class_svm")),
        floats(judged.anomalies.get("peer_clusters")),
        pa.array([[hit.rule_id for hit in found] for found in hits], pa.list_(pa.string())),
        pa.array([str(severity) for severity in decisions.severity], pa.string()),
        pa.array(decisions.typology, pa.string()),
        pa.array(
            [explanations[row].reasons if row in explanations else () for row in range(n)],
            pa.list_(pa.string()),
        ),
        pa.array(
            [explanations[row].contributions if row in explanations else None for row in range(n)],
            pa.string(),
        ),
    ]
    for value, wanted in zip(constants, list(schema)[-4:], strict=True):
        columns.append(pa.array([value] * n, wanted.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _check(transactions: Any, features: Any, scored_at: datetime) -> None:
    missing = [name for name in ACCEPTED_SCHEMA.names if name not in set(transactions.column_names)]
    if missing:
        raise ScoringError(
            f"expected the columns of an accepted batch, missing: {', '.join(missing)}; "
            "read the batch from the lake"
        )
    if transactions.num_rows != features.num_rows:
        raise ScoringError(
            f"expected features for each of {transactions.num_rows} transactions, got {features.num_rows} "
            "rows; compute the features of this batch again"
        )
    if scored_at.tzinfo is None:
        raise ScoringError("expected scored_at with a time zone, got one without; pass UTC")
