import math

from hypothesis import given
from hypothesis import strategies as st

from include.reports.spread import SHORTEST, Spread

seconds = st.lists(st.floats(min_value=SHORTEST, max_value=3e6), min_size=1, max_size=60)


@given(seconds, st.integers(1, 100))
def test_percentile_is_within_one_per_cent(values: list[float], percent: int) -> None:
    exact = sorted(values)[max(1, math.ceil(percent / 100 * len(values))) - 1]
    found = Spread.of(values).percentile(percent)
    assert found is not None
    assert abs(found / exact - 1) <= 0.0101 or exact < SHORTEST * 1.02


@given(seconds, seconds)
def test_spreads_add_up(some: list[float], others: list[float]) -> None:
    assert Spread.of(some) + Spread.of(others) == Spread.of(some + others)


def test_of_nothing_and_of_clocks_that_disagree() -> None:
    assert Spread().percentile(50) is None
    assert Spread.of([-3.0]).percentile(50) == SHORTEST
    assert Spread.model_validate_json(Spread.of([1.0, 2.0]).model_dump_json()).count == 2
