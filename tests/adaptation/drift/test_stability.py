import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.adaptation.drift.bins import Bins
from include.adaptation.drift.rates import difference
from include.adaptation.drift.stability import stability

counts = st.lists(st.integers(0, 5_000), min_size=8, max_size=8)


@given(counts)
def test_a_count_is_stable_against_itself(one):
    assert stability(one, one).psi == 0


@given(counts, counts)
def test_it_is_the_same_both_ways_and_never_negative(one, two):
    forth, back = stability(one, two), stability(two, one)
    assert forth.psi == pytest.approx(back.psi)
    assert forth.psi >= 0
    assert 0 <= forth.p_value <= 1


def test_the_bias_of_small_samples_is_taken_off():
    rng = np.random.default_rng(0)
    share = np.full(10, 0.1)
    found = [stability(rng.multinomial(50_000, share), rng.multinomial(300, share)) for _ in range(400)]
    assert np.mean([result.psi for result in found]) < 0.01
    assert np.mean([result.p_value < 0.05 for result in found]) == pytest.approx(0.05, abs=0.03)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.integers(1, 12))
def test_bins_hold_every_value_of_their_reference_inside_the_outer_ones(values, bins):
    edges = Bins.learn(np.array(values), bins)
    found = edges.count(np.array(values))
    assert found.sum() == len(values)
    assert found[0] == found[-1] == 0
    assert len(found) == len(edges) <= bins + 2


def test_values_outside_and_missing_ones_have_their_place():
    edges = Bins.learn(np.array([1.0, 1.0, 1.0]), 10)
    assert edges.count(np.array([0.0, 1.0, 2.0, np.nan])).tolist() == [1, 1, 1]


def test_rates_by_hand():
    result = difference(100, 1_000, 30, 200)
    assert (result.reference, result.now) == (0.1, 0.15)
    assert result.strength == pytest.approx(0.05**2 / (130 / 1200 * 1070 / 1200 * (1 / 1000 + 1 / 200)))
    assert difference(0, 0, 3, 9).p_value == difference(0, 10, 0, 10).p_value == 1
