"""Large amount: one transaction far above anything the customer has ever done."""

from __future__ import annotations

import numpy as np

from include.transactions.simulator.population import Population
from include.transactions.simulator.rows import CARD_PAYMENT, MOBILE, ONLINE, TRANSFER, Rows, make_rows
from include.transactions.simulator.typologies.base import Episode


class LargeAmount:
    """One transfer or online payment of 10 to 25 times the customer's usual maximum."""

    name = "large_amount"
    first_day = 0
    last_day = 0
    episodes_per_1000 = 2.0

    def rows(self, population: Population, episode: Episode, rng: np.random.Generator) -> Rows:
        """The transaction of an episode."""
        victim = population.victims(1, rng)
        by_card = rng.random() < 0.4
        counterparties = population.counterparties
        return make_rows(
            victim,
            counterparties.any_shop(1, rng) if by_card else counterparties.any_account(1, rng),
            population.usual_max[victim] * 100 * rng.uniform(10, 25),
            CARD_PAYMENT if by_card else TRANSFER,
            ONLINE if by_card else MOBILE,
            population.home[victim],
            episode.at,
            device=population.device(victim, episode.day),
            typology=episode.typology,
        )
