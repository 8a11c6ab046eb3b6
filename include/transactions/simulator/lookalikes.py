"""Honest behaviour that resembles a typology, so that no single rule separates fraud from the rest."""

from __future__ import annotations

import numpy as np

from include.transactions.simulator.population import Population
from include.transactions.simulator.rows import (
    BRANCH,
    CARD_PAYMENT,
    DAY_US,
    DEPOSIT,
    HOUR_US,
    MINUTE_US,
    MOBILE,
    ONLINE,
    POS,
    TRANSFER,
    Rows,
    concatenate,
    make_rows,
)
from include.transactions.simulator.streams import Stream, generator

_DAYTIME = (8 * HOUR_US, 20 * HOUR_US)


def lookalikes(population: Population, day: int) -> Rows:
    """All of a day's transactions of this kind."""
    rng = generator(population.seed, Stream.LOOKALIKES, day)
    return concatenate(
        [
            _traders(population, day, rng),
            _players(population, day, rng),
            _house_buyers(population, day, rng),
            _returners(population, day, rng),
        ]
    )


def _traders(population: Population, day: int, rng: np.random.Generator) -> Rows:
    """Small traders take many deposits and pay out once in a while: no mules."""
    trader = np.repeat(population.traders, rng.integers(3, 9, len(population.traders)))
    sales = make_rows(
        trader,
        population.counterparties.any_account(len(trader), rng),
        rng.integers(1500, 40_000, len(trader)),
        DEPOSIT,
        ONLINE,
        population.home[trader],
        day * DAY_US + rng.integers(*_DAYTIME, len(trader)) // 1000 * 1000,
    )
    paying = population.traders[(population.traders + day) % 5 == 0]
    payouts = make_rows(
        paying,
        population.payees[paying, 0],
        rng.integers(60_000, 250_000, len(paying)),
        TRANSFER,
        ONLINE,
        population.home[paying],
        day * DAY_US + rng.integers(*_DAYTIME, len(paying)) // 1000 * 1000,
        device=population.device(paying, day),
    )
    return concatenate([sales, payouts])


def _players(population: Population, day: int, rng: np.random.Generator) -> Rows:
    """Bursts of tiny payments at one shop, as games and fares make them: no card testing."""
    players = population.victims(rng.poisson(0.0012 * population.size), rng)
    bursts = rng.integers(3, 7, len(players))
    start = rng.integers(*_DAYTIME, len(players))
    customer = np.repeat(players, bursts)
    return make_rows(
        customer,
        population.shops[customer, -1],
        rng.choice([99, 199, 299, 499], len(customer)),
        CARD_PAYMENT,
        ONLINE,
        population.home[customer],
        day * DAY_US
        + (np.repeat(start, bursts) + rng.integers(0, 30 * MINUTE_US, len(customer))) // 1000 * 1000,
        device=population.device(customer, day),
    )


def _house_buyers(population: Population, day: int, rng: np.random.Generator) -> Rows:
    """Single amounts below 10,000, for a car or a kitchen: no structuring."""
    buyers = population.victims(rng.poisson(0.0005 * population.size), rng)
    return make_rows(
        buyers,
        population.counterparties.any_account(len(buyers), rng),
        rng.integers(8500, 9999, len(buyers)) * 100,
        TRANSFER,
        np.where(rng.random(len(buyers)) < 0.4, BRANCH, MOBILE),
        population.home[buyers],
        day * DAY_US + rng.integers(*_DAYTIME, len(buyers)) // 1000 * 1000,
    )


def _returners(population: Population, day: int, rng: np.random.Generator) -> Rows:
    """People who use their account every five weeks or so: no takeover of a dormant account."""
    every = 27 + population.returning % 14
    back = population.returning[(day + population.returning * 5) % every == 0]
    customer = np.repeat(back, rng.integers(1, 4, len(back)))
    return make_rows(
        customer,
        population.favourite(population.merchants, customer, rng),
        population.usual_cents(customer, rng),
        CARD_PAYMENT,
        POS,
        population.home[customer],
        day * DAY_US + rng.integers(*_DAYTIME, len(customer)) // 1000 * 1000,
    )
