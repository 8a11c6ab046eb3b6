"""Where customers are: at home, or on one of their trips."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from include.transactions.simulator.geography import other_country
from include.transactions.simulator.population import Population
from include.transactions.simulator.streams import Stream, generator

Ints = npt.NDArray[np.int64]

_TRIP_PERIOD = 28  # days; at most one trip in each
_TRIP_SHARE = 0.14  # of the customers, per period


def where_they_are(population: Population, day: int) -> tuple[Ints, Ints]:
    """Country of each customer on a day, and whether it is a day of departure or return (1) or not (0)."""
    period, offset = divmod(day, _TRIP_PERIOD)
    rng = generator(population.seed, Stream.TRIPS, period)
    n = population.size
    travels = rng.random(n) < _TRIP_SHARE
    start = rng.integers(0, _TRIP_PERIOD - 10, n)
    length = rng.integers(2, 10, n)
    destination = other_country(population.home, rng)
    away = travels & (offset >= start) & (offset < start + length)
    moving = travels & ((offset == start) | (offset == start + length))
    return np.where(away, destination, population.home), moving.astype(np.int64)


def at_home(population: Population, customers: Ints, day: int) -> Ints:
    """Those of ``customers`` who are at home for the whole of a day, in their order."""
    country, moving = where_they_are(population, day)
    home = (country == population.home) & (moving == 0)
    return np.asarray(customers[home[customers]])
