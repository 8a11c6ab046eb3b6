from __future__ import annotations

import json

import numpy as np
import pytest

from include.detection.profile import FeatureProfile
from include.detection.reasons import Evidence, catalogue_words, explain

NAMES = tuple(f"f{i}" for i in range(8))


def evidence(contributions, distance=None, odd=False) -> Evidence:
    return Evidence(
        names=NAMES,
        values=np.arange(8.0).reshape(1, 8),
        contributions=np.array([contributions], dtype=float),
        distance=np.array([distance or [0.0] * 8]),
        probability=np.array([0.12]),
        by_anomaly=np.array([odd]),
    )


def words(name: str, value: float) -> str:
    return f"{name} is {value:.0f}"


def test_top_five_by_size_and_words_only_for_what_raises_suspicion():
    told = explain([()], evidence([0.1, 3, -2, 0.5, 1, 0.7, 0.2, 0]), words)[0]
    assert list(json.loads(told.contributions).items()) == [
        ("f1", 3.0), ("f2", -2.0), ("f4", 1.0), ("f5", 0.7), ("f3", 0.5)
    ]  # fmt: skip
    assert told.reasons == ("F1 is 1", "F4 is 4", "F5 is 5", "F3 is 3")


def test_rules_then_model_then_what_is_unusual(make):
    told = explain([(make.hit(),)], evidence([0, 1, *[0] * 6], [0, 0, 0, 9, 0, 5, 0, 1], odd=True), words)[0]
    assert told.reasons == ("because of rule", "F1 is 1", "Unusual: f3 is 3", "Unusual: f5 is 5")


def test_there_is_always_a_reason():
    assert explain([()], evidence([0] * 8), words)[0].reasons == ("Probability of fraud 12% by the model",)
    assert "combination" in explain([()], evidence([0] * 8, odd=True), words)[0].reasons[0]


def test_rules_alone(make):
    told = explain([(make.hit(),)], None, words)[0]
    assert (told.reasons, told.contributions) == (("because of rule",), "{}")


def test_the_catalogue_speaks():
    assert catalogue_words("amount_value", 1234.5) == "amount of 1,234.50"
    assert catalogue_words("never_heard_of", 2.0) == "never_heard_of = 2"


def test_distance_is_robust_and_blind_to_the_unknown():
    rng = np.random.default_rng(0)
    features = np.column_stack([np.exp(rng.normal(3, 1, 2_000)), np.zeros(2_000), np.full(2_000, np.nan)])
    features[:20, 0] = 1e12  # a few wild rows move neither median nor spread
    profile = FeatureProfile.learn(features)
    far = profile.distance(np.array([[np.exp(3), 0.0, 5.0], [np.exp(8), np.nan, np.nan]]))
    assert far[0, 0] < 0.1
    assert far[1, 0] == pytest.approx(5, abs=0.5)
    assert far[1, 1] == far[1, 2] == 0
    assert FeatureProfile.model_validate_json(profile.model_dump_json()) == profile
