"""Customers and their habits, drawn once from the bank's seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from include.transactions.simulator.counterparties import Counterparties
from include.transactions.simulator.geography import HOME_COUNT, HOME_WEIGHTS
from include.transactions.simulator.streams import Stream, generator

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

FAVOURITES = 8
DIRECT_DEBITS = 3
_MEAN_PER_DAY = 1.92  # everyday transactions of an active customer; salary and debits come on top
_DEVICES_PER_CUSTOMER = 4096


class Population:
    """Habits of all customers as arrays of shape (customers,) unless told otherwise.

    The last 3 % are not active: 2 % have accounts that fall victim to ``dormant_account`` in turn, 1 % are
    honest people who come back after weeks. The first 0.2 % are small traders, who receive many deposits.

    Attributes
    ----------
    home
        Country index.
    log_mean, log_sigma
        Of the log-normal amount in currency units.
    usual_max
        Amount in currency units that an everyday transaction seldom exceeds (99.5th percentile).
    per_day
        Mean everyday transactions a day; 0 if not active.
    peak_hour, hour_spread
        UTC hour around which the customer acts, and its standard deviation in hours.
    merchants, shops, payees
        Favourite counterparties, shape (customers, FAVOURITES), most frequented first.
    salary
        Cents; 0 for none.
    """

    def __init__(self, seed: int, customers: int, counterparties: Counterparties) -> None:
        rng = generator(seed, Stream.POPULATION)
        n = customers
        self.seed = seed
        self.size = n
        self.counterparties = counterparties
        dormant, returning = max(1, round(0.02 * n)), max(1, round(0.01 * n))
        self.active_count = n - dormant - returning
        self.returning = np.arange(self.active_count, self.active_count + returning)
        self.dormant = np.arange(n - dormant, n)
        self.traders = np.arange(max(1, round(0.002 * n)))

        self.home: Ints = rng.choice(HOME_COUNT, n, p=HOME_WEIGHTS).astype(np.int64)
        self.log_mean: Floats = rng.normal(3.1, 0.55, n)
        self.log_sigma: Floats = rng.uniform(0.5, 0.9, n)
        self.usual_max: Floats = np.exp(self.log_mean + 2.58 * self.log_sigma)
        per_day = rng.gamma(2.5, 1 / 2.5, n)
        per_day *= _MEAN_PER_DAY / per_day[: self.active_count].mean()
        self.per_day: Floats = np.where(np.arange(n) < self.active_count, per_day, 0.0)
        owls = rng.random(n) < 0.06
        self.peak_hour: Floats = np.where(owls, rng.normal(23.5, 1.5, n), rng.normal(14.5, 2.0, n)) % 24
        self.hour_spread: Floats = rng.uniform(2.0, 4.5, n)
        self.night_share: Floats = rng.beta(1.2, 30, n)  # anybody is up late at times
        self.online_taste: Floats = rng.beta(2, 4, n)

        self.merchants: Ints = _columns(lambda: counterparties.merchants(self.home, rng))
        self.shops: Ints = _columns(lambda: counterparties.any_shop(n, rng))
        self.payees: Ints = _columns(lambda: counterparties.any_account(n, rng))
        self.cash_machine: Ints = counterparties.cash_machines(self.home, rng)

        self.salary: Ints = np.where(rng.random(n) < 0.8, np.exp(rng.normal(7.8, 0.35, n)) * 100, 0).astype(
            np.int64
        )
        self.salary[self.active_count :] = 0
        self.employer: Ints = counterparties.employers[0] + rng.integers(counterparties.employers[1], size=n)
        self.pay_day: Ints = rng.choice([1, 5, 10, 15, 20, 25, 27, 28], n).astype(np.int64)
        self.debit_day: Ints = rng.integers(1, 29, (n, DIRECT_DEBITS))
        self.debit_cents: Ints = (np.exp(rng.normal(3.9, 0.8, (n, DIRECT_DEBITS))) * 100).astype(np.int64)
        self.debit_cents[:, 0] *= 8  # rent or a loan
        self.biller: Ints = counterparties.billers[0] + rng.integers(
            counterparties.billers[1], size=(n, DIRECT_DEBITS)
        )

        self.second_device: npt.NDArray[np.bool_] = rng.random(n) < 0.4
        self._device_life: Ints = rng.integers(250, 1100, n)
        self._device_phase: Ints = rng.integers(0, 1100, n)

    def favourite(self, table: Ints, customer: Ints, rng: np.random.Generator) -> Ints:
        """One of each customer's favourites, the first ones most often."""
        rank = np.minimum(rng.geometric(0.35, len(customer)) - 1, FAVOURITES - 1)
        return np.asarray(table[customer, rank], np.int64)

    def device(self, customer: Ints, day: int, second: npt.NDArray[np.bool_] | bool = False) -> Ints:
        """Number of each customer's device on a day; a phone is replaced every 250 to 1,100 days."""
        first = (
            (day + self._device_phase[customer]) // self._device_life[customer] % (_DEVICES_PER_CUSTOMER // 2)
        )
        second_too = second & self.second_device[customer]
        return np.asarray(
            customer * _DEVICES_PER_CUSTOMER + np.where(second_too, _DEVICES_PER_CUSTOMER - 1, first)
        )

    def victims(self, count: int, rng: np.random.Generator) -> Ints:
        """Distinct active customers who are no traders, the busy ones first to be hit."""
        weights = self.per_day[len(self.traders) : self.active_count]
        count = min(count, len(weights))
        chosen = rng.choice(len(weights), count, replace=False, p=weights / weights.sum())
        return np.asarray(chosen + len(self.traders), np.int64)

    def usual_cents(self, customer: Ints, rng: np.random.Generator) -> Ints:
        """Everyday amount of each customer, in cents."""
        log_amount = self.log_mean[customer] + self.log_sigma[customer] * rng.standard_normal(len(customer))
        return np.asarray(np.maximum(np.exp(log_amount) * 100, 50), np.int64)


def _columns(draw: Callable[[], Ints]) -> Ints:
    return np.stack([draw() for _ in range(FAVOURITES)], axis=1)
