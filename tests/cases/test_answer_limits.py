"""Attempts at the customers' page: counted by key, filled up by time, in bounded memory."""

from __future__ import annotations

import pytest

from include.cases.answer_limits import AttemptLimit, subscriber


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_and_then_one_in_its_time():
    clock = Clock()
    limit = AttemptLimit(3, 10.0, 100, clock)
    assert [limit.wait("a") for _ in range(4)] == [0, 0, 0, 10]
    clock.now += 4
    assert limit.wait("a") == 6
    clock.now += 6
    assert [limit.wait("a"), limit.wait("a")] == [0, 10]
    assert limit.wait("b") == 0, "another key has attempts of its own"


def test_being_refused_costs_nothing():
    clock = Clock()
    limit = AttemptLimit(1, 10.0, 100, clock)
    limit.wait("a")
    for _ in range(50):
        assert limit.wait("a") > 0
    clock.now += 10
    assert limit.wait("a") == 0


def test_attempts_are_not_saved_up_beyond_the_burst():
    clock = Clock()
    limit = AttemptLimit(2, 1.0, 100, clock)
    limit.wait("a")
    clock.now += 1_000
    assert [limit.wait("a") for _ in range(3)] == [0, 0, 1]


def test_memory_is_bounded_and_who_is_active_is_remembered():
    clock = Clock()
    limit = AttemptLimit(2, 1_000.0, 50, clock)
    limit.wait("attacker")
    limit.wait("attacker")
    for number in range(5_000):
        limit.wait(f"forged {number}")
        assert limit.wait("attacker") > 0
    assert len(limit) == 50


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("testclient", "unknown"),
        (None, "unknown"),
    ],
)
def test_what_of_an_address_counts(address, counted):
    assert subscriber(address) == counted


@pytest.mark.parametrize("wrong", [(0, 1.0, 1), (1, 0.0, 1), (1, 1.0, 0), (1, float("nan"), 1)])
def test_what_cannot_be_meant_is_refused(wrong):
    with pytest.raises(ValueError, match="expected burst"):
        AttemptLimit(*wrong)
