"""How the truth about simulated transactions becomes known: late, in part, and from different sources."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from include.transactions.labels import LabelEvent
from include.transactions.simulator.bank import SimulatedDay
from include.transactions.simulator.streams import Stream, generator

_SOURCES = np.array(["ANALYST", "CUSTOMER", "CHARGEBACK"])
_SOURCE_SHARES = (0.45, 0.35, 0.20)
_MEAN_DELAY_SHARE = (0.15, 0.4, 1.0)  # of the longest delay: analysts are first, charge-backs last


def label_events(
    day: SimulatedDay,
    seed: int,
    *,
    longest_delay: timedelta = timedelta(days=7),
    cleared_share: float = 0.01,
) -> list[LabelEvent]:
    """Labels of a day's transactions, sorted by the time they become known.

    Every fraud gets one; of the honest transactions a sample is cleared by analysts.

    Parameters
    ----------
    day
        From ``SimulatedBank.day`` or ``stream``.
    seed
        The result follows from (seed, day).
    longest_delay
        No label is later than this after its transaction.
    cleared_share
        Share of honest transactions that get a label ``is_fraud=false``.
    """
    rng = generator(seed, Stream.LABELS, day.day)
    is_fraud = day.labels["is_fraud"].to_numpy()
    cleared = rng.random(len(is_fraud)) < cleared_share
    source = np.where(is_fraud, rng.choice(3, len(is_fraud), p=_SOURCE_SHARES), 0)
    share = np.minimum(rng.gamma(2.0, np.array(_MEAN_DELAY_SHARE)[source] / 4), 1.0)
    chosen = np.flatnonzero(is_fraud | cleared)
    ids = day.labels["transaction_id"].take(chosen).to_pylist()
    accounts = day.labels["account_id"].take(chosen).to_pylist()
    times = day.transactions["occurred_at"].take(chosen).to_pylist()
    events = [
        LabelEvent(
            transaction_id=ids[k],
            account_id=accounts[k],
            is_fraud=bool(is_fraud[row]),
            source=str(_SOURCES[source[row]]),
            labelled_at=times[k] + float(share[row]) * longest_delay,
        )
        for k, row in enumerate(chosen)
    ]
    return sorted(events, key=lambda event: (event.labelled_at, event.transaction_id))
