"""Dormant account: an account nobody has used for weeks is suddenly used heavily."""

from __future__ import annotations

import numpy as np

from include.transactions.simulator.population import Population
from include.transactions.simulator.rows import (
    CARD_PAYMENT,
    DAY_US,
    HOUR_US,
    ONLINE,
    POS,
    TRANSFER,
    Rows,
    concatenate,
    make_rows,
)
from include.transactions.simulator.typologies.base import Episode


class DormantAccount:
    """One or two last honest payments, 26 to 29 days of silence, then five or six large ones in eight hours.

    The dormant customers (2 %) are hit in turn, one about every 50 days.
    """

    name = "dormant_account"
    first_day = -30
    last_day = 1
    episodes_per_1000 = 0.4

    def rows(self, population: Population, episode: Episode, rng: np.random.Generator) -> Rows:
        """Transactions of an episode, the honest ones before it included."""
        customer = population.dormant[episode.number % len(population.dormant)]
        m, n = int(rng.integers(1, 3)), int(rng.integers(5, 7))
        silence = int(rng.uniform(26, 29) * DAY_US)
        honest = make_rows(
            customer,
            population.merchants[customer, :m],
            population.usual_cents(np.repeat(customer, m), rng),
            CARD_PAYMENT,
            POS,
            population.home[customer],
            episode.at - (silence + rng.integers(0, 20 * HOUR_US, m)) // 1000 * 1000,
        )
        transfers = rng.random(n) < 0.6
        fraud = make_rows(
            customer,
            np.where(
                transfers,
                population.counterparties.distinct_accounts(n, rng),
                population.counterparties.distinct_shops(n, rng),
            ),
            population.usual_max[customer] * 100 * rng.uniform(0.7, 4.0, n),
            np.where(transfers, TRANSFER, CARD_PAYMENT),
            ONLINE,
            population.home[customer],
            episode.at + np.sort(rng.integers(0, 8 * HOUR_US, n)) // 1000 * 1000,
            device=rng.integers(1 << 40, 1 << 60),
            typology=episode.typology,
        )
        return concatenate([honest, fraud])
