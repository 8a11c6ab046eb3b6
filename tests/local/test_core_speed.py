"""The speed of a core is that of work really done."""

from __future__ import annotations

import pytest

from include.local import core_speed as measured
from include.local.core_speed import core_speed


def test_twice_the_reference_speed_is_half_the_share(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = iter([9e6, 18e6, 12e6, 3e6, 3e6])
    monkeypatch.setattr(measured, "_additions_a_second", lambda: next(rates))
    assert core_speed() == 1.0


def test_it_is_measured() -> None:
    assert 0.001 < core_speed() < 100
