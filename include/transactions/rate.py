"""Token bucket: holds a sender to a mean rate while letting a short burst through."""

from __future__ import annotations

import time
from collections.abc import Callable


class TokenBucket:
    """Tokens come in at ``rate`` per second and are kept up to ``burst``.

    Parameters
    ----------
    rate
        Tokens per second, > 0.
    burst
        Most tokens that can be saved up; a tenth of a second's worth by default, at least one.
    clock, sleep
        Monotonic seconds and a way to wait; replaced in tests.
    """

    def __init__(
        self,
        rate: float,
        burst: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not rate > 0:
            raise ValueError(f"expected a rate > 0 per second, found {rate}; leave it out for full speed")
        self.rate = rate
        self.burst = max(1.0, rate / 10 if burst is None else burst)
        self._clock = clock
        self._sleep = sleep
        self._tokens = self.burst
        self._at = clock()

    def take(self, tokens: float = 1.0) -> None:
        """Wait until ``tokens`` are there and take them; more than ``burst`` at once goes into debt."""
        now = self._clock()
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate) - tokens
        self._at = now
        if self._tokens < 0:
            self._sleep(-self._tokens / self.rate)
