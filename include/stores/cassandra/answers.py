"""Compare-and-sets whose answer may not come: tried again until one is known, for as long as it is worth it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from cassandra.cluster import Session

from include.stores.cassandra.errors import StoreUnavailable
from include.stores.cassandra.statements import attempt_many

#: Waits between tries of a compare-and-set whose answer did not come.
PAUSES_S = (0.1, 0.5, 2.0)
#: A compare-and-set takes four rounds of a few milliseconds, which many can share.
IN_FLIGHT = 64


def pauses() -> Iterator[float]:
    """The waits of one undertaking, to be handed to :func:`wait`."""
    return iter(PAUSES_S)


def wait(left: Iterator[float], error: StoreUnavailable) -> None:
    """Wait for the next try.

    Raises
    ------
    StoreUnavailable
        ``error``, if there have been enough.
    """
    pause = next(left, None)
    if pause is None:
        raise error
    time.sleep(pause)


def settle(session: Session, calls: Sequence[tuple[Any, Sequence[Any]]], doing: str) -> list[bool]:
    """Run compare-and-sets until each has been answered; whether each was applied by the try that was.

    One that was applied by a try whose answer was lost is answered "not applied" by the next: this is for
    those where it is enough to know that nothing is under way any more.

    Raises
    ------
    StoreUnavailable
        Some answers did not come, however often they were asked for.
    """
    applied = [False] * len(calls)
    open_ones = list(range(len(calls)))
    left = pauses()
    while open_ones:
        answers = attempt_many(session, [calls[i] for i in open_ones], doing, IN_FLIGHT)
        unknown: list[int] = []
        error: StoreUnavailable | None = None
        for i, answer in zip(open_ones, answers, strict=True):
            if isinstance(answer, StoreUnavailable):
                unknown.append(i)
                error = error or answer
            else:
                applied[i] = bool(answer[0][0])
        if error is not None:
            wait(left, error)
        open_ones = unknown
    return applied
