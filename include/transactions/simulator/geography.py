"""Countries of the simulation: where customers live, where they travel, where fraud comes from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: Homes first; the index into this tuple is a country's code within the simulator.
COUNTRIES = (
    *("DE", "FR", "NL", "ES", "IT", "AT", "BE", "PT", "IE", "FI"),
    *("CH", "GB", "DK", "SE", "PL", "CZ", "GR", "HR"),
    *("US", "TH", "BR", "JP", "AE", "ZA", "MX", "IN", "ID", "NG", "PH", "VN", "CN", "AU"),
)

HOME_COUNT = 10
HOME_WEIGHTS = np.array([0.30, 0.20, 0.12, 0.10, 0.10, 0.06, 0.05, 0.03, 0.02, 0.02])
#: Every account of the bank is held in euro; a purchase abroad is booked in it.
CURRENCY = "EUR"

NEAR = np.arange(0, 18)  # within a few hours' flight of each other
FAR = np.arange(18, len(COUNTRIES))


def other_country(home: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw a destination for each home: 70 % near, the rest far, never the home itself."""
    near = (home + rng.integers(1, len(NEAR), len(home))) % len(NEAR)
    far = rng.choice(FAR, len(home))
    return np.where(rng.random(len(home)) < 0.7, near, far)
