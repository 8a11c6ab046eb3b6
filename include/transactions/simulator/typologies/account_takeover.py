"""Account takeover: a new device in a new country empties the account."""

from __future__ import annotations

import numpy as np

from include.transactions.simulator.geography import other_country
from include.transactions.simulator.population import Population
from include.transactions.simulator.rows import MINUTE_US, MOBILE, ONLINE, TRANSFER, Rows, make_rows
from include.transactions.simulator.typologies.base import Episode


class AccountTakeover:
    """Three to five large transfers to new payees within three hours, from one new device abroad."""

    name = "account_takeover"
    first_day = 0
    last_day = 1
    episodes_per_1000 = 0.6

    def rows(self, population: Population, episode: Episode, rng: np.random.Generator) -> Rows:
        """Transactions of an episode."""
        victim = population.victims(1, rng)
        n = int(rng.integers(3, 6))
        return make_rows(
            victim[0],
            population.counterparties.distinct_accounts(n, rng),
            population.usual_max[victim[0]] * 100 * rng.uniform(1.0, 5.0, n),
            TRANSFER,
            MOBILE if rng.random() < 0.5 else ONLINE,
            other_country(population.home[victim], rng)[0],
            episode.at + np.sort(rng.integers(0, 180 * MINUTE_US, n)) // 1000 * 1000,
            device=rng.integers(1 << 40, 1 << 60),
            typology=episode.typology,
        )
