"""How fast a core of this machine is, against the machine on which bounds in seconds were stated."""

from __future__ import annotations

import time

#: Additions a second of a loop in CPython on a core of the reference machine, see docs/performance.md.
REFERENCE = 18e6
_ADDITIONS = 1_500_000
_TRIES = 5


def core_speed() -> float:
    """Speed of one core, running Python, as a share of the reference machine's; takes half a second.

    By the clock on the wall, so that a core that is shared with other machines counts as slow; the best of a few tries,
    so that a moment's disturbance does not.
    """
    return max(_additions_a_second() for _ in range(_TRIES)) / REFERENCE


def _additions_a_second() -> float:
    total = 0
    began = time.perf_counter()
    for number in range(_ADDITIONS):
        total += number
    return _ADDITIONS / (time.perf_counter() - began)
