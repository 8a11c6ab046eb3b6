"""Lengths of time in microseconds of event time, and the windows every feature is named after."""

from __future__ import annotations

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

#: The window a feature name ends with → its length. A window is half-open: ``[t - W, t)``.
WINDOWS = {"10m": 10 * MINUTE, "1h": HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY}

#: How far back a key's state reaches from its newest event (rounded down to the hour).
RETENTION = WINDOWS["30d"]

#: Where a heavy key's past is kept as sums, windows up to this length round to the minute, longer ones to
#: the hour.
FINE = WINDOWS["1h"]
