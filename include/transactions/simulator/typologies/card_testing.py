"""Card testing: stolen card data tried with many tiny payments, then used."""

from __future__ import annotations

import numpy as np

from include.transactions.simulator.population import Population
from include.transactions.simulator.rows import CARD_PAYMENT, MINUTE_US, ONLINE, Rows, make_rows
from include.transactions.simulator.typologies.base import Episode


class CardTesting:
    """Six to eight payments below 5 at different shops within 40 minutes, then one bigger one."""

    name = "card_testing"
    first_day = 0
    last_day = 1
    episodes_per_1000 = 0.4

    def rows(self, population: Population, episode: Episode, rng: np.random.Generator) -> Rows:
        """Transactions of an episode."""
        victim = population.victims(1, rng)[0]
        n = int(rng.integers(6, 9)) + 1
        cents = rng.integers(20, 490, n)
        cents[-1] = population.usual_max[victim] * 100 * rng.uniform(0.8, 2.5)
        after = np.sort(rng.integers(0, 40 * MINUTE_US, n))
        after[-1] += rng.integers(2, 60) * MINUTE_US
        return make_rows(
            victim,
            population.counterparties.distinct_shops(n, rng),
            cents,
            CARD_PAYMENT,
            ONLINE,
            population.home[victim],  # shops' address checks are passed with a local address
            episode.at + after // 1000 * 1000,
            device=rng.integers(1 << 40, 1 << 60),
            typology=episode.typology,
        )
