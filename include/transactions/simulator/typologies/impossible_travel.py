"""Impossible travel: a copied card is used in a far country while its owner pays at home."""

from __future__ import annotations

import numpy as np

from include.transactions.simulator.geography import FAR
from include.transactions.simulator.population import Population
from include.transactions.simulator.rows import (
    ATM,
    ATM_WITHDRAWAL,
    CARD_PAYMENT,
    MINUTE_US,
    POS,
    Rows,
    concatenate,
    make_rows,
)
from include.transactions.simulator.trips import at_home
from include.transactions.simulator.typologies.base import Episode


class ImpossibleTravel:
    """An honest payment at home, then one to three at terminals or cash machines far away within the hour."""

    name = "impossible_travel"
    first_day = 0
    last_day = 1
    episodes_per_1000 = 1.0

    def rows(self, population: Population, episode: Episode, rng: np.random.Generator) -> Rows:
        """Transactions of an episode, the honest one included."""
        # A dozen candidates: about one in twenty is on a trip or on the way.
        victim = at_home(population, population.victims(12, rng), episode.day)[:1]
        honest = make_rows(
            victim,
            population.favourite(population.merchants, victim, rng),
            population.usual_cents(victim, rng),
            CARD_PAYMENT,
            POS,
            population.home[victim],
            episode.at,
        )
        n = int(rng.integers(1, 4))
        country = np.repeat(rng.choice(FAR), n)
        cash = rng.random(n) < 0.4
        after = np.sort(rng.integers(10 * MINUTE_US, 58 * MINUTE_US, n)) // 1000 * 1000
        copied = make_rows(
            victim[0],
            np.where(
                cash,
                population.counterparties.cash_machines(country, rng),
                population.counterparties.merchants(country, rng),
            ),
            np.where(
                cash, rng.integers(5, 60, n) * 1000, population.usual_max[victim[0]] * rng.uniform(20, 150, n)
            ),
            np.where(cash, ATM_WITHDRAWAL, CARD_PAYMENT),
            np.where(cash, ATM, POS),
            country,
            episode.at + after,
            typology=episode.typology,
        )
        return concatenate([honest, copied])
