"""Where randomness comes from: one generator for each (seed, purpose, key), so that no draw moves another."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

_KEY_OFFSET = 1_000_000  # keys may be negative (days before the start), seeds of numpy may not


class Stream(IntEnum):
    """What a generator is for."""

    POPULATION = 1
    COUNTERPARTIES = 2
    EVERYDAY = 3
    TRIPS = 4
    SCHEDULED = 5
    LOOKALIKES = 6
    LABELS = 7
    PERTURB = 8
    TYPOLOGIES = 100  # the first of them; each has its own


def generator(seed: int, stream: int, *key: int) -> np.random.Generator:
    """Make the generator of a purpose and a key of integers >= -1,000,000."""
    return np.random.default_rng([seed, int(stream), *(part + _KEY_OFFSET for part in key)])
