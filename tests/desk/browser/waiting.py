"""Waiting for what other processes do: with a limit, and saying what was waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")


def until(what: str, look: Callable[[], T], seconds: float = 90, every: float = 0.4) -> T:
    """The first look that finds something; fails when the time is over.

    Parameters
    ----------
    what
        What is waited for, in words.
    look
        Something true once it is there.
    """
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds:.0f} s for {what}; the last look gave {found!r}")
        time.sleep(every)
    return found
