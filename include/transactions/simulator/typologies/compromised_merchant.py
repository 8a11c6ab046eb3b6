"""Compromised merchant: cards that were used at one terminal are abused there for days."""

from __future__ import annotations

import numpy as np

from include.transactions.simulator.population import Population
from include.transactions.simulator.rows import CARD_PAYMENT, DAY_US, POS, Rows, make_rows
from include.transactions.simulator.typologies.base import Episode

_DAYS = 4


class CompromisedMerchant:
    """About ten payments in four days at one terminal with its regulars' cards, moderately raised."""

    name = "compromised_merchant"
    first_day = 0
    last_day = _DAYS
    episodes_per_1000 = 0.2

    def rows(self, population: Population, episode: Episode, rng: np.random.Generator) -> Rows:
        """Transactions of an episode."""
        terminal = population.merchants[population.victims(1, rng)[0], 0]
        regulars = np.flatnonzero(
            (population.merchants[: population.active_count, :5] == terminal).any(axis=1)
        )
        n = int(rng.integers(9, 13))
        customer = rng.choice(regulars, n)
        when = (np.arange(n) + rng.random(n)) / n * _DAYS * DAY_US
        return make_rows(
            customer,
            terminal,
            population.usual_cents(customer, rng) * rng.uniform(1.8, 4.0, n),
            CARD_PAYMENT,
            POS,
            population.home[customer],
            episode.at + when.astype(np.int64) // 1000 * 1000,
            typology=episode.typology,
        )
