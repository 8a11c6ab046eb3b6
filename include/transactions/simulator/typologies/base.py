"""What a fraud typology is, and how its episodes are spread over days."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from include.transactions.simulator.population import Population
from include.transactions.simulator.rows import DAY_US, Rows
from include.transactions.simulator.streams import Stream, generator


@dataclass(frozen=True, slots=True)
class Episode:
    """One case of fraud, before its transactions are made.

    Attributes
    ----------
    number
        Running number over all days, for typologies that take their victims in turn; may be negative.
    day
        Day since the bank's start on which it begins.
    at
        Microseconds since the bank's start at which it begins.
    typology
        Code to mark fraudulent rows with.
    """

    number: int
    day: int
    at: int
    typology: int


class Typology(Protocol):
    """A kind of fraud.

    Attributes
    ----------
    name
        As in labels, rules and alerts.
    first_day, last_day
        Days, relative to an episode's own, on which it may have transactions.
    episodes_per_1000
        Mean episodes a day per 1,000 customers.
    """

    name: str
    first_day: int
    last_day: int
    episodes_per_1000: float

    def rows(self, population: Population, episode: Episode, rng: np.random.Generator) -> Rows:
        """All transactions of an episode; honest ones that belong to it are marked LEGITIMATE."""
        ...


def episodes_of_day(
    typology: Typology, code: int, population: Population, day: int
) -> Iterator[tuple[Episode, np.random.Generator]]:
    """Episodes that begin on a day, each with its own generator.

    Their number follows the rate without chance, and each begins in a slot of its own: a stretch of the
    stream has its share of every typology.
    """
    rate = typology.episodes_per_1000 * population.size / 1000
    phase = generator(population.seed, Stream.TYPOLOGIES + code).random()
    first, end = math.floor(day * rate + phase), math.floor((day + 1) * rate + phase)
    for number in range(first, end):
        rng = generator(population.seed, Stream.TYPOLOGIES + code, day, number - first)
        slot = (number - first + rng.random()) / (end - first)
        yield Episode(number, day, day * DAY_US + int(slot * DAY_US) // 1000 * 1000, code), rng


def fraud_of_day(typology: Typology, code: int, population: Population, day: int) -> Iterator[Rows]:
    """Yield the rows that a typology puts into a day, whichever day their episode began on."""
    for start in range(day - typology.last_day, day - typology.first_day + 1):
        for episode, rng in episodes_of_day(typology, code, population, start):
            rows = typology.rows(population, episode, rng).on_day(day)
            if len(rows):
                yield rows
