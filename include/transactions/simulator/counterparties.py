"""The other side of a transaction: one table of names, in which each kind holds a range of indices."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.transactions.simulator.geography import COUNTRIES, HOME_COUNT

Ints = npt.NDArray[np.int64]

_MASK = (1 << 40) - 1


def scrambled(numbers: npt.NDArray[np.int64], salt: int) -> list[str]:
    """Distinct hexadecimal names for distinct numbers < 2**40 that do not show their order."""
    mixed = (numbers.astype(np.uint64) * np.uint64(0x9E3779B1) + np.uint64(salt * 7919 + 12345)) & np.uint64(
        _MASK
    )
    return [f"{value:010X}" for value in mixed.tolist()]


class Counterparties:
    """Names of all counterparties and ways to draw from them.

    Parameters
    ----------
    seed, customers
        Of the bank; the number of merchants, billers and so on grows with the customers.
    """

    def __init__(self, seed: int, customers: int) -> None:
        names: list[str] = []
        self.merchants_of = np.zeros((len(COUNTRIES), 2), np.int64)  # first index, count
        self.cash_machines_of = np.zeros((len(COUNTRIES), 2), np.int64)
        for index, country in enumerate(COUNTRIES):
            count = max(60, customers // 20) if index < HOME_COUNT else max(60, customers // 100)
            self.merchants_of[index] = (len(names), count)
            names += [f"M-{country}-{number:05d}" for number in range(count)]
            self.cash_machines_of[index] = (len(names), max(15, count // 4))
            names += [f"ATM-{country}-{number:04d}" for number in range(max(15, count // 4))]
        self.shops = self._range(names, "W-", max(300, customers // 8))
        self.billers = self._range(names, "B-", max(40, customers // 100))
        self.employers = self._range(names, "E-", max(40, customers // 40))
        self.accounts = (len(names), max(2000, customers * 4))
        names += ["X" + name for name in scrambled(np.arange(self.accounts[1]), seed)]
        self.names = pa.array(names, pa.string())

    @staticmethod
    def _range(names: list[str], prefix: str, count: int) -> tuple[int, int]:
        first = len(names)
        names += [f"{prefix}{number:05d}" for number in range(count)]
        return first, count

    def merchants(self, country: Ints, rng: np.random.Generator) -> Ints:
        """A merchant with a terminal in each of the countries; some are much busier than others."""
        return _draw(self.merchants_of[country], rng, skew=1.6)

    def cash_machines(self, country: Ints, rng: np.random.Generator) -> Ints:
        """A cash machine in each of the countries."""
        return _draw(self.cash_machines_of[country], rng)

    def any_shop(self, size: int, rng: np.random.Generator) -> Ints:
        """Web shops."""
        return _draw(np.tile(self.shops, (size, 1)), rng, skew=1.6)

    def any_account(self, size: int, rng: np.random.Generator) -> Ints:
        """Accounts at other banks."""
        return _draw(np.tile(self.accounts, (size, 1)), rng)

    def distinct_accounts(self, size: int, rng: np.random.Generator) -> Ints:
        """Accounts at other banks, no two alike."""
        return self.accounts[0] + rng.choice(self.accounts[1], size, replace=False).astype(np.int64)

    def distinct_shops(self, size: int, rng: np.random.Generator) -> Ints:
        """Web shops, no two alike."""
        return self.shops[0] + rng.choice(self.shops[1], size, replace=False).astype(np.int64)


def _draw(ranges: Ints, rng: np.random.Generator, skew: float = 1.0) -> Ints:
    offset = np.floor(rng.random(len(ranges)) ** skew * ranges[:, 1]).astype(np.int64)
    return np.asarray(ranges[:, 0] + offset, np.int64)
