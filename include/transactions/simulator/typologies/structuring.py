"""Structuring: a large sum split into amounts just below the reporting threshold of 10,000."""

from __future__ import annotations

import numpy as np

from include.transactions.simulator.population import Population
from include.transactions.simulator.rows import BRANCH, DAY_US, DEPOSIT, ONLINE, TRANSFER, Rows, make_rows
from include.transactions.simulator.typologies.base import Episode

_DAYS = 3


class Structuring:
    """Four to six amounts between 9,000 and 9,999 within three days, deposited or transferred."""

    name = "structuring"
    first_day = 0
    last_day = _DAYS
    episodes_per_1000 = 0.4

    def rows(self, population: Population, episode: Episode, rng: np.random.Generator) -> Rows:
        """Transactions of an episode."""
        customer = population.victims(1, rng)[0]
        n = int(rng.integers(4, 7))
        deposits = rng.random() < 0.5
        when = (np.arange(n) + rng.random(n)) / n * _DAYS * DAY_US
        accounts = population.counterparties.distinct_accounts(2, rng)
        return make_rows(
            customer,
            accounts[rng.integers(0, 2, n)],
            rng.integers(900_000, 999_900, n),
            DEPOSIT if deposits else TRANSFER,
            BRANCH if deposits else ONLINE,
            population.home[customer],
            episode.at + when.astype(np.int64) // 1000 * 1000,
            device=-1 if deposits else population.device(np.array([customer]), episode.day)[0],
            typology=episode.typology,
        )
