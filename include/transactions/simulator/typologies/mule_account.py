"""Mule account: money from many strangers comes in and goes out at once."""

from __future__ import annotations

import numpy as np

from include.transactions.simulator.population import Population
from include.transactions.simulator.rows import (
    DEPOSIT,
    MINUTE_US,
    MOBILE,
    ONLINE,
    TRANSFER,
    Rows,
    concatenate,
    make_rows,
)
from include.transactions.simulator.typologies.base import Episode


class MuleAccount:
    """Five or six deposits by different senders in four hours, then 85-97 % out by one or two transfers."""

    name = "mule_account"
    first_day = 0
    last_day = 1
    episodes_per_1000 = 0.4

    def rows(self, population: Population, episode: Episode, rng: np.random.Generator) -> Rows:
        """Transactions of an episode."""
        mule = population.victims(1, rng)[0]
        n = int(rng.integers(5, 7))
        cents = rng.integers(25_000, 190_000, n)
        after = np.sort(rng.integers(0, 240 * MINUTE_US, n)) // 1000 * 1000
        incoming = make_rows(
            mule,
            population.counterparties.distinct_accounts(n, rng),
            cents,
            DEPOSIT,
            ONLINE,
            population.home[mule],
            episode.at + after,
            typology=episode.typology,
        )
        parts = int(rng.integers(1, 3))
        delay = np.sort(rng.integers(5 * MINUTE_US, 70 * MINUTE_US, parts)) // 1000 * 1000
        outgoing = make_rows(
            mule,
            population.counterparties.distinct_accounts(parts, rng),
            cents.sum() * rng.uniform(0.85, 0.97) / parts,
            TRANSFER,
            MOBILE,
            population.home[mule],
            episode.at + after[-1] + delay,
            device=population.device(np.array([mule]), episode.day)[0],
            typology=episode.typology,
        )
        return concatenate([incoming, outgoing])
