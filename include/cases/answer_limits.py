"""How often the customers' page may be asked, by whom and about what: it is the one page open to the world.

A key has a bucket of tokens, which fills with time. Keys are remembered up to a bound; the one that was used longest
ago is forgotten first, and by then its bucket has mostly filled up again.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

#: Of IPv6 addresses only the network counts: a subscriber is given 2^64 of them.
_SUBSCRIBER_BITS = 64


class AttemptLimit:
    """Attempts by key: ``burst`` at once, then one every ``seconds``. May be used from several threads.

    Parameters
    ----------
    burst
        Attempts a key has at first, and at most.
    seconds
        After which it has another one.
    most_keys
        Remembered at a time, about 200 bytes each.
    clock
        Monotonic seconds; replaced in tests.
    """

    def __init__(
        self, burst: int, seconds: float, most_keys: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if burst < 1 or most_keys < 1 or not seconds > 0:
            raise ValueError(
                f"expected burst and most_keys of at least 1 and seconds > 0, got burst={burst}, "
                f"most_keys={most_keys}, seconds={seconds}"
            )
        self._burst = burst
        self._seconds = seconds
        self._most = most_keys
        self._clock = clock
        self._lock = Lock()
        #: Tokens and when they were counted, the key used longest ago first.
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str) -> int:
        """Take an attempt: 0 if there was one, else the whole seconds until there is one again."""
        now = self._clock()
        with self._lock:
            tokens, counted = self._buckets.pop(key, (float(self._burst), now))
            tokens = min(self._burst, tokens + (now - counted) / self._seconds)
            allowed = tokens >= 1
            self._buckets[key] = (tokens - allowed, now)
            while len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        return 0 if allowed else math.ceil((1 - tokens) * self._seconds)

    def __len__(self) -> int:
        """Keys remembered."""
        return len(self._buckets)


def subscriber(address: str | None) -> str:
    """What of a client's address is counted: an IPv4 address, an IPv6 network of 64 bits; anything else as one."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(parsed), _SUBSCRIBER_BITS), strict=False))
        parsed = parsed.ipv4_mapped
    return str(parsed)
