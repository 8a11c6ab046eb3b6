import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.alerts.backoff import Backoff

ID = uuid.UUID(int=7)


@given(st.integers(1, 10_000), st.integers(0, 2**128 - 1), st.floats(0, 1))
@settings(max_examples=60)
def test_a_wait_lies_within_its_jitter_and_under_the_cap(attempt: int, number: int, jitter: float) -> None:
    backoff = Backoff(first_seconds=2, factor=2, cap_seconds=60, jitter=jitter)
    longest = min(60.0, 2.0 * 2.0 ** min(attempt - 1, 10))
    assert longest * (1 - jitter) <= backoff.wait_seconds(uuid.UUID(int=number), attempt) <= longest


def test_waits_grow_without_jitter() -> None:
    backoff = Backoff(first_seconds=1, factor=3, cap_seconds=20, jitter=0)
    assert [backoff.wait_seconds(ID, n) for n in range(1, 6)] == [1, 3, 9, 20, 20]


def test_jitter_is_repeatable_and_differs_between_deliveries() -> None:
    waits = [Backoff(seed=1).wait_seconds(uuid.UUID(int=n), 5) for n in range(20)]
    assert waits == [Backoff(seed=1).wait_seconds(uuid.UUID(int=n), 5) for n in range(20)]
    assert len(set(waits)) == 20
    assert waits[0] != Backoff(seed=2).wait_seconds(uuid.UUID(int=0), 5)


def test_the_last_attempt_is_the_last() -> None:
    assert [Backoff(max_attempts=3).exhausted(n) for n in (1, 2, 3, 4)] == [False, False, True, True]


@pytest.mark.parametrize(
    "wrong",
    [{"first_seconds": 0}, {"factor": 0.5}, {"cap_seconds": 1}, {"jitter": 1.5}, {"max_attempts": 0}],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Backoff(**wrong)  # type: ignore[arg-type]
