"""The token bucket, on a clock that only moves by its own sleep."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.transactions.rate import TokenBucket


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


@settings(max_examples=40)
@given(st.floats(0.5, 5000), st.integers(1, 400))
def test_never_faster_than_the_rate_after_the_burst_nor_slower(rate: float, takes: int) -> None:
    clock = Clock()
    bucket = TokenBucket(rate, clock=clock.read, sleep=clock.sleep)
    for _ in range(takes):
        bucket.take()
    assert clock.now == pytest.approx(max(0.0, (takes - bucket.burst) / rate), abs=1e-6)


def test_idle_time_is_saved_up_to_the_burst_only() -> None:
    clock = Clock()
    bucket = TokenBucket(10, burst=5, clock=clock.read, sleep=clock.sleep)
    clock.now = 1000.0
    for _ in range(15):
        bucket.take()
    assert clock.now == pytest.approx(1001.0)


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="expected a rate > 0"):
        TokenBucket(rate)
