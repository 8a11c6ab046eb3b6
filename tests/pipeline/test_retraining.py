"""Challengers are measured on days they were not trained on before they may go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from include.adaptation.settings import AdaptationSettings
from include.detection.bundle import ModelBundle
from include.detection.detectors.gradient_boosting import BoostingSettings
from include.detection.errors import TrainingRefused
from include.detection.training import TrainingSettings, train
from include.pipeline import retraining
from include.pipeline.challengers import ChallengerBook, Phase
from include.pipeline.models import model_registry
from include.pipeline.retraining import enter, recalibrate_champion, train_challenger
from tests.pipeline.conftest import LiveBank

pytestmark = pytest.mark.slow

WANTED = AdaptationSettings(test_days=0.4, label_delay_days=0.1, alert_budget=0.1)
SETTINGS = TrainingSettings(
    min_rows=200, min_frauds=5, boosting=BoostingSettings(rounds=8, max_bin=64, n_jobs=1)
)


@pytest.fixture
def live(with_champion: Callable[[int], LiveBank]) -> LiveBank:
    """Twenty batches, scored by a champion that was trained on the days before and some of these."""
    return with_champion(20)


def large(live: LiveBank, share: int = 8) -> list[tuple[int, int]]:
    """The largest payments of every batch: a kind of fraud that can be learned."""
    found = []
    for batch in range(live.scored):
        amounts = live.lake.read_table(f"scored/batch={batch:010d}/data.parquet", ["amount"])[
            "amount"
        ].to_pylist()
        order = sorted(range(len(amounts)), key=lambda row: amounts[row])
        found += [(batch, row) for row in order[-share:]]
    return found


def test_it_is_measured_trained_published_and_sent_into_the_shadow(live: LiveBank) -> None:
    live.tell(large(live))
    registry = model_registry(live.lake)
    made = train_challenger(live.lake, registry, WANTED, "a test", SETTINGS)
    assert made.evaluation.average_precision > 0.5
    assert made.evaluation.frauds >= 10
    assert made.version in registry.versions()
    assert registry.current().version != made.version
    one = enter(live.lake, made)
    assert (one.phase, one.since_batch, one.trained_for) == (Phase.SHADOW, 20, "a test")
    assert enter(live.lake, made) == one


def test_one_that_learned_nothing_may_not_go_on(live: LiveBank, monkeypatch: pytest.MonkeyPatch) -> None:
    live.tell(large(live))
    good = train_challenger(live.lake, model_registry(live.lake), WANTED, "a test", SETTINGS)
    model_registry(live.lake, gate=lambda: None).promote(good.version)
    # The champion is good and was, as far as anybody knows, trained on older days.
    champion = model_registry(live.lake).current()
    older = champion.manifest.model_copy(update={"trained_to": champion.manifest.trained_from})
    registry = model_registry(live.lake)
    monkeypatch.setattr(registry, "current", lambda: replace(champion, manifest=older))

    def misled(features, labels, *rest, **named) -> ModelBundle:
        return train(features, np.roll(labels, 37), *rest, **named)

    monkeypatch.setattr(retraining, "train", misled)
    made = train_challenger(live.lake, registry, WANTED, "a test", SETTINGS)
    assert not made.evaluation.may_go_on
    assert "less than 90%" in made.evaluation.reason
    assert enter(live.lake, made).phase is Phase.REFUSED
    assert ChallengerBook(live.lake).within(Phase.SHADOW) == []


def test_too_few_labels_are_told(live: LiveBank) -> None:
    with pytest.raises(TrainingRefused, match="known frauds from"):
        train_challenger(live.lake, model_registry(live.lake), WANTED, "a test", SETTINGS)


def test_new_thresholds_spend_the_budget_again_and_wait_for_a_person(
    live: LiveBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retraining, "_LEAST_ROWS", 500)
    registry = model_registry(live.lake)
    champion = registry.current()
    loose = champion.policy.model_copy(update={"alert_probability": 0.0})
    monkeypatch.setattr(registry, "current", lambda: replace(champion, policy=loose))
    made = recalibrate_champion(live.lake, registry, "a changed alert rate")
    before, after = made.alert_rates
    assert before == 1
    assert after <= 1.5 * champion.policy.budget.alerts
    one = enter(live.lake, made)
    assert one.phase is Phase.WAITING
    assert champion.version in one.steps[-1].reason
    assert registry.load(made.version).manifest.predictions_sha256 == champion.manifest.predictions_sha256


def test_an_answer_to_drift_learns_from_fewer_days(live: LiveBank) -> None:
    live.tell(large(live))
    registry = model_registry(live.lake)
    every = train_challenger(live.lake, registry, WANTED, "a test", SETTINGS)
    newest = train_challenger(live.lake, registry, WANTED, "a test", SETTINGS, days=1.5)
    rows = [registry.load(one.version).manifest.rows for one in (every, newest)]
    assert rows[0] > rows[1] > 100
