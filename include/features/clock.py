"""Lengths of time in microseconds of event time, and the windows every feature is named after."""

from __future__ import annotations

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

#: The window a feature name ends with → its length. A window is half-open: ``[t - W, t)``.
WINDOWS = {"10m": 10 * MINUTE, "1h": HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY}

#: How far back an account's state reaches from its newest event (rounded down to the hour).
RETENTION = WINDOWS["30d"]

#: A payment this old without a fraud label is taken for honest: labels take up to a week.
LABEL_DELAY = 7 * DAY

#: How far back a counterparty's state reaches: the longest window of payments whose labels have come,
#: and a week more for a run of frauds that is longer.
LABELLED_RETENTION = WINDOWS["30d"] + 2 * LABEL_DELAY

#: How old a payment may be for its label still to count.
LABEL_MEMORY = 90 * DAY

#: Where a heavy key's past is kept as sums, windows up to this length round to the minute, longer ones to
#: the hour.
FINE = WINDOWS["1h"]
