"""Salaries and direct debits: the same amount and counterparty on the same day of each month."""

from __future__ import annotations

import numpy as np

from include.transactions.simulator.population import Population
from include.transactions.simulator.rows import (
    DAY_US,
    DEPOSIT,
    DIRECT_DEBIT,
    HOUR_US,
    ONLINE,
    Rows,
    concatenate,
    make_rows,
)
from include.transactions.simulator.streams import Stream, generator


def scheduled(population: Population, day: int, day_of_month: int) -> Rows:
    """All salaries (DEPOSIT) and direct debits of a day, booked in the morning."""
    rng = generator(population.seed, Stream.SCHEDULED, day)
    paid = np.flatnonzero((population.pay_day == day_of_month) & (population.salary > 0))
    salaries = make_rows(
        paid,
        population.employer[paid],
        population.salary[paid],
        DEPOSIT,
        ONLINE,
        population.home[paid],
        day * DAY_US + 5 * HOUR_US + rng.integers(0, 4 * 3_600_000, len(paid)) * 1000,
    )
    charged, which = np.nonzero(population.debit_day[: population.active_count] == day_of_month)
    debits = make_rows(
        charged,
        population.biller[charged, which],
        population.debit_cents[charged, which],
        DIRECT_DEBIT,
        ONLINE,
        population.home[charged],
        day * DAY_US + 3 * HOUR_US + rng.integers(0, 4 * 3_600_000, len(charged)) * 1000,
    )
    return concatenate([salaries, debits])
