"""Training a challenger, and whether it may go on: measured on the newest labelled days, then trained on all of them.

The measurement follows the protocol of ``make evaluate``: train on what is older, leave out the days whose labels
were not known then, test on the newest labelled days. What is measured is a model trained for the purpose; the
challenger itself then learns from the tested days as well. Its thresholds are found on the newest days, whose
labels are not known yet: they are what comes next.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from include.adaptation.comparison import compare
from include.adaptation.recalibration import alerts, recalibrated, scores_of
from include.adaptation.settings import AdaptationSettings
from include.detection.budget import threshold_for
from include.detection.bundle import ModelBundle
from include.detection.errors import TrainingRefused
from include.detection.matrix import feature_matrix
from include.detection.registry import ModelRegistry
from include.detection.training import TrainingSettings, train
from include.evaluation.ranking import average_precision
from include.features.catalogue import FEATURE_NAMES
from include.pipeline.challengers import Challenger, ChallengerBook, Phase
from include.pipeline.recent import recent
from include.pipeline.training_set import TrainingSet, labelled, newest
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage

log = logging.getLogger(__name__)

#: A challenger whose average precision is below this part of the champion's, on the same days, stops here.
TOLERATED = 0.9
#: Frauds that a measurement needs to mean anything.
_MIN_FRAUDS = 10
#: Thresholds are found on so many newest days, on so many rows at most, and left as they were on fewer than that.
_THRESHOLD_DAYS, _THRESHOLD_ROWS, _LEAST_ROWS = 7, 200_000, 5_000
_END = datetime.max.replace(tzinfo=UTC)


class Evaluation(BaseModel):
    """What the measurement found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tested_from: str  # first moment of the tested days, UTC
    tested_to: str
    rows: int
    frauds: int
    average_precision: float
    recall_at_budget: float
    #: Of the champion, on those tested days that it was not trained on; None if there are too few.
    champion: dict[str, Any] | None
    may_go_on: bool
    reason: str


class TrainedModel(BaseModel):
    """A model that is published and not promoted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    trained_for: str  # why
    evaluation: Evaluation | None = None  # None: nothing was learned
    recalibrates: str | None = None  # the champion whose thresholds were found anew
    alert_rates: tuple[float, float] | None = None  # then: of the models on the newest days, before and after


def train_challenger(
    lake: Lake,
    registry: ModelRegistry,
    wanted: AdaptationSettings,
    trained_for: str,
    settings: TrainingSettings,
    days: float | None = None,
) -> TrainedModel:
    """Measure, train, publish without promoting.

    Parameters
    ----------
    trained_for
        Why: kept with the challenger.
    days
        Of labelled history to learn from; those of the settings by default. An answer to drift learns from
        fewer, see ``RetrainingSettings``. What is measured learns from as many.

    Raises
    ------
    TrainingRefused
        There are too few labelled transactions or frauds.
    """
    as_of = newest(lake)
    if as_of is None:
        raise TrainingRefused(
            "expected scored transactions to learn from, got none; let the stream run first"
        )
    rows = labelled(lake, as_of, wanted.train_days, wanted.label_delay_days, wanted.train_rows)
    champion = registry.current()
    evaluation = _evaluate(rows, as_of, champion, wanted, settings, days or wanted.train_days)
    log.info("measured on the newest labelled days: %s", evaluation)
    learned = rows.between(as_of - timedelta(days=days), _END) if days else rows
    bundle = _with_thresholds(lake, _fit(learned, settings))
    bundle = registry.publish(bundle, promote=False)
    log.info("model %s was trained on %s rows for: %s", bundle.version, len(learned.fraud), trained_for)
    return TrainedModel(version=bundle.version, trained_for=trained_for, evaluation=evaluation)


def recalibrate_champion(lake: Lake, registry: ModelRegistry, trained_for: str) -> TrainedModel:
    """Publish the champion with thresholds that spend its budget on the newest days; nothing is learned.

    Raises
    ------
    TrainingRefused
        There is no champion.
    """
    champion = registry.current()
    if champion is None:
        raise TrainingRefused("expected a champion whose thresholds could be found anew, got none; train one")
    features, amounts = _newest(lake)
    if len(amounts) < _LEAST_ROWS:
        raise TrainingRefused(
            f"expected at least {_LEAST_ROWS} transactions to find thresholds on, got {len(amounts)}; wait for more"
        )
    bundle = recalibrated(champion, features, amounts, datetime.now(UTC))
    scores = scores_of(champion, features)
    before, after = (
        float(alerts(scores, policy, amounts).mean()) for policy in (champion.policy, bundle.policy)
    )
    registry.publish(bundle, promote=False)
    log.info("thresholds of %s were found anew: %s", champion.version, bundle.version)
    return TrainedModel(
        version=bundle.version,
        trained_for=trained_for,
        recalibrates=champion.version,
        alert_rates=(before, after),
    )


def _with_thresholds(lake: Lake, bundle: ModelBundle) -> ModelBundle:
    features, amounts = _newest(lake)
    if len(amounts) < _LEAST_ROWS:
        return bundle
    return recalibrated(bundle, features, amounts, datetime.now(UTC))


def _newest(lake: Lake) -> tuple[pa.Table, npt.NDArray[np.float64]]:
    """Features and amounts of the newest days."""
    rows = recent(lake, timedelta(days=_THRESHOLD_DAYS), _THRESHOLD_ROWS)
    amounts = np.asarray(rows["amount"].cast(pa.float64()).to_numpy(), dtype=np.float64)
    return rows.select(list(FEATURE_NAMES)), amounts


def enter(lake: Lake, made: TrainedModel) -> Challenger:
    """Put a model into the book: a trained one into the shadow if the measurement lets it.

    New thresholds of a champion rank transactions as it does, so the shadow would show nothing: they wait for
    approval at once.
    """
    if made.evaluation is None:
        return ChallengerBook(lake).enter(
            made.version,
            Phase.WAITING,
            by="recalibration",
            reason=f"{made.recalibrates} with thresholds that spend its alert budget on the newest days",
            trained_for=made.trained_for,
            evidence={"alert_rates": list(made.alert_rates or ())},
        )
    return ChallengerBook(lake).enter(
        made.version,
        Phase.SHADOW if made.evaluation.may_go_on else Phase.REFUSED,
        by="training",
        reason=made.evaluation.reason,
        trained_for=made.trained_for,
        evaluation=made.evaluation.model_dump(mode="json"),
        since_batch=BatchLedger(lake).cursor(Stage.SCORED).next_batch,
    )


def _evaluate(
    rows: TrainingSet,
    as_of: datetime,
    champion: ModelBundle | None,
    wanted: AdaptationSettings,
    settings: TrainingSettings,
    days: float,
) -> Evaluation:
    delay, length = timedelta(days=wanted.label_delay_days), timedelta(days=wanted.test_days)
    stop = as_of - delay
    start = stop - length
    # As much as the challenger itself learns from, as it would have been known when the tested days began.
    past = rows.between(start - timedelta(days=days), start - delay)
    test = rows.between(start, stop)
    if int(test.fraud.sum()) < _MIN_FRAUDS:
        raise TrainingRefused(
            f"expected at least {_MIN_FRAUDS} known frauds from {start:%Y-%m-%d} to {stop:%Y-%m-%d} to measure a "
            f"challenger on, got {int(test.fraud.sum())} among {len(test.fraud)} transactions; wait for labels, "
            "or make test_days longer (variable adaptation)"
        )
    scores = _scores(_fit(past, settings), test)
    flagged = scores >= threshold_for(scores, wanted.alert_budget)
    standing, may, reason = _against_champion(test, scores, champion, wanted)
    return Evaluation(
        tested_from=start.isoformat(),
        tested_to=stop.isoformat(),
        rows=len(test.fraud),
        frauds=int(test.fraud.sum()),
        average_precision=average_precision(test.fraud, scores),
        recall_at_budget=float(flagged[test.fraud].mean()),
        champion=standing,
        may_go_on=may,
        reason=reason,
    )


def _against_champion(
    test: TrainingSet,
    scores: npt.NDArray[np.float64],
    champion: ModelBundle | None,
    wanted: AdaptationSettings,
) -> tuple[dict[str, Any] | None, bool, str]:
    if champion is None:
        return None, True, "there is no champion"
    # A model knows by heart what it was trained on.
    fresh = test.occurred_at > np.datetime64(champion.manifest.trained_to.replace(tzinfo=None))
    if int((test.fraud & fresh).sum()) < _MIN_FRAUDS:
        return None, True, "the champion was trained on the tested days: the shadow has to tell"
    found = compare(
        test.fraud[fresh], _scores(champion, test)[fresh], scores[fresh], wanted.alert_budget, _MIN_FRAUDS
    )
    ours, theirs = found.challenger_average_precision or 0.0, found.champion_average_precision or 0.0
    may = ours >= TOLERATED * theirs
    words = f"average precision {ours:.3f}, the champion's is {theirs:.3f} on the same {found.rows:,} transactions"
    return found.document(), may, words if may else f"{words}: less than {TOLERATED:.0%} of it"


def _fit(rows: TrainingSet, settings: TrainingSettings) -> ModelBundle:
    return train(rows.features, rows.fraud, rows.occurred_at, rows.amounts, settings=settings)


def _scores(bundle: ModelBundle, rows: TrainingSet) -> npt.NDArray[np.float64]:
    return bundle.booster.score(feature_matrix(rows.features, bundle.features))
