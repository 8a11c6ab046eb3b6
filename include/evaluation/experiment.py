"""Runs every fold: the project's own features once, then its own training, fold by fold."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.detection.matrix import feature_matrix
from include.detection.training import TrainingSettings, train
from include.evaluation import ranking
from include.evaluation.dataset import LabelledData
from include.evaluation.protocol import Fold, Protocol, cut, days_of
from include.features.history import features_of_history

#: Transactions and joined labels → a table of features, row by row.
Featurise = Callable[[pa.Table, pa.Table], pa.Table]


def project_features(transactions: pa.Table, labels: pa.Table) -> pa.Table:
    """Features as live scoring has them."""
    return features_of_history(transactions, labels=labels).features


@dataclass(frozen=True, slots=True)
class Measured:
    """One fold's result."""

    start: date
    rows: int  # tested
    frauds: int
    auc_roc: float
    average_precision: float
    card_precision_at_100: float
    recall: dict[str, float]  # by typology, at 0.1 % false positives
    seconds: float
    fraud: npt.NDArray[np.bool_]  # of the tested rows, for the curves
    score: npt.NDArray[np.float64]


def run(
    data: LabelledData, features: pa.Table, starts: list[date], protocol: Protocol, settings: TrainingSettings
) -> Iterator[Measured]:
    """Train and test fold by fold, in the order of ``starts``.

    Raises
    ------
    FoldRefused
        A fold lies outside the data.
    LeakFound
        A fold would be trained on labels that are not known when it begins to be tested.
    """
    for fold in [cut(data, start, protocol) for start in starts]:
        yield _measure(data, features, fold, settings)


def _measure(data: LabelledData, features: pa.Table, fold: Fold, settings: TrainingSettings) -> Measured:
    began = time.perf_counter()
    amounts = features["amount_value"].to_numpy()
    bundle = train(
        features.take(pa.array(fold.train)),
        data.known_at(fold.train, fold.tested_from),
        data.time[fold.train].astype("datetime64[us]"),
        amounts[fold.train],
        settings=settings,
    )
    matrix = feature_matrix(features.take(pa.array(fold.test)), bundle.features)
    score = bundle.probability(matrix)
    fraud = data.fraud[fold.test]
    return Measured(
        start=fold.start,
        rows=len(fold.test),
        frauds=int(fraud.sum()),
        auc_roc=ranking.auc_roc(fraud, score),
        average_precision=ranking.average_precision(fraud, score),
        card_precision_at_100=ranking.card_precision(
            days_of(data, fold.test), data.card[fold.test], fraud, score
        ),
        recall=ranking.recall_at_false_positives(fraud, score, data.typology[fold.test]),
        seconds=time.perf_counter() - began,
        fraud=fraud,
        score=score,
    )
