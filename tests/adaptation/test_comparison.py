"""Champion and challenger on the same rows, under the same budget."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.adaptation.comparison import Standing, compare

N = 4_000


def scores_that_find(fraud: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Scores that put a share of the frauds on top."""
    rng = np.random.default_rng(seed)
    scores = rng.random(len(fraud))
    found = np.flatnonzero(fraud)[: int(fraud.sum() * share)]
    scores[found] += 1
    return scores


@pytest.fixture
def fraud() -> np.ndarray:
    flags = np.zeros(N, dtype=bool)
    flags[np.random.default_rng(0).choice(N, 40, replace=False)] = True
    return flags


@pytest.mark.parametrize(
    ("champion", "challenger", "standing"),
    [(0.2, 0.9, Standing.BETTER), (0.9, 0.2, Standing.WORSE), (0.6, 0.6, Standing.AS_GOOD)],
)
def test_it_says_who_finds_more(
    fraud: np.ndarray, champion: float, challenger: float, standing: Standing
) -> None:
    found = compare(
        fraud, scores_that_find(fraud, champion, 1), scores_that_find(fraud, challenger, 2), 0.02, 20
    )
    assert found.standing is standing
    assert found.document()["standing"] == str(standing)
    assert f"**{standing}**" in found.table("v1", "v2")


def test_too_few_frauds_are_no_judgement(fraud: np.ndarray) -> None:
    found = compare(fraud, scores_that_find(fraud, 0, 1), scores_that_find(fraud, 1, 2), 0.02, 41)
    assert found.standing is Standing.OPEN
    nothing = compare(np.zeros(0, dtype=bool), np.zeros(0), np.zeros(0), 0.01, 1)
    assert nothing.standing is Standing.OPEN
    assert nothing.champion_average_precision is None


@given(st.integers(0, 2**32 - 1), st.floats(0.001, 0.2))
def test_two_sides_of_one_comparison(seed: int, budget: float) -> None:
    rng = np.random.default_rng(seed)
    fraud, one, two = rng.random(300) < 0.1, rng.random(300), rng.random(300)
    there, back = compare(fraud, one, two, budget, 1), compare(fraud, two, one, budget, 1)
    assert (there.only_champion, there.champion_caught) == (back.only_challenger, back.challenger_caught)
    assert there.p_worse == back.p_better
    assert there.champion_caught - there.only_champion == there.challenger_caught - there.only_challenger
    # Only the order counts, so each model may have a scale of its own.
    assert compare(fraud, one, two * 7 - 3, budget, 1) == there


def test_models_that_say_the_same_are_as_good(fraud: np.ndarray) -> None:
    scores = scores_that_find(fraud, 0.5, 3)
    found = compare(fraud, scores, scores, 0.02, 20)
    assert found.standing is Standing.AS_GOOD
    assert found.p_worse == found.p_better == 1.0


@pytest.mark.slow
def test_equal_models_are_seldom_called_worse() -> None:
    called = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        fraud = rng.random(1_000) < 0.05
        one, two = rng.random(1_000) + fraud, rng.random(1_000) + fraud
        called += compare(fraud, one, two, 0.03, 20).standing is Standing.WORSE
    assert called / 400 < 0.07
