"""Everyday spending of one day, with what makes honest people look odd: trips, new phones, big purchases."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from include.transactions.simulator.geography import other_country
from include.transactions.simulator.population import Population
from include.transactions.simulator.rows import (
    ATM,
    ATM_WITHDRAWAL,
    BRANCH,
    CARD_PAYMENT,
    DAY_US,
    MOBILE,
    NO_DEVICE,
    ONLINE,
    POS,
    TRANSFER,
    Rows,
    make_rows,
)
from include.transactions.simulator.streams import Stream, generator
from include.transactions.simulator.trips import where_they_are

Ints = npt.NDArray[np.int64]

_WEEKDAYS = (0.95, 0.95, 0.98, 1.0, 1.1, 1.1, 0.92)  # Monday first
_NOON_US = DAY_US // 2
_BIG_PURCHASE_SHARE = 0.0025
_ROAMING_SHARE = 0.01  # online from an address abroad while at home


def everyday(population: Population, day: int, weekday: int) -> Rows:
    """All everyday transactions of a day; ``weekday`` 0 is Monday."""
    rng = generator(population.seed, Stream.EVERYDAY, day)
    country_now, moving_now = where_they_are(population, day)
    counts = rng.poisson(population.per_day * _WEEKDAYS[weekday])
    customer = np.repeat(np.arange(population.size), counts)
    n = len(customer)
    home, country, moving = population.home[customer], country_now[customer], moving_now[customer] == 1
    time = _time_of_day(population, customer, rng)

    u = rng.random(n)
    online_limit = 0.55 + 0.3 * population.online_taste[customer]
    at_terminal = u < 0.55
    at_shop = (u >= 0.55) & (u < online_limit)
    at_cash_machine = (u >= online_limit) & (u < online_limit + 0.07)
    # On days of departure and return nobody stands in two countries: until noon they shop online.
    on_the_way = moving & (time < _NOON_US) & (at_terminal | at_cash_machine)
    at_terminal, at_cash_machine, at_shop = (
        at_terminal & ~on_the_way,
        at_cash_machine & ~on_the_way,
        at_shop | on_the_way,
    )
    transfer = ~(at_terminal | at_shop | at_cash_machine)

    is_new = rng.random(n) < 0.2
    abroad = country != home
    counterparty = population.favourite(population.payees, customer, rng)
    counterparty = np.where(transfer & is_new, population.counterparties.any_account(n, rng), counterparty)
    merchant = np.where(
        is_new | abroad,
        population.counterparties.merchants(country, rng),
        population.favourite(population.merchants, customer, rng),
    )
    shop = np.where(
        is_new,
        population.counterparties.any_shop(n, rng),
        population.favourite(population.shops, customer, rng),
    )
    machine = np.where(
        abroad | (rng.random(n) < 0.3),
        population.counterparties.cash_machines(country, rng),
        population.cash_machine[customer],
    )
    conditions = [at_terminal, at_shop, at_cash_machine]
    counterparty = np.select(conditions, [merchant, shop, machine], counterparty)

    cents = population.usual_cents(customer, rng)
    cents = np.where(transfer, cents * 3, cents)
    big = (rng.random(n) < _BIG_PURCHASE_SHARE) & ~at_cash_machine
    cents = np.where(big, population.usual_max[customer] * 100 * rng.uniform(1.5, 7, n), cents).astype(
        np.int64
    )
    cents = np.where(at_cash_machine, np.clip(cents * 2 // 1000, 1, 60) * 1000, cents)
    cents = np.where(abroad & at_terminal, cents * 13 // 10, cents)

    v = rng.random(n)
    transfer_channel = np.where(v < 0.6, MOBILE, np.where(v < 0.93, ONLINE, BRANCH))
    channel = np.select(conditions, [POS, ONLINE, ATM], transfer_channel)
    has_device = (channel == ONLINE) | (channel == MOBILE)
    device = np.where(has_device, population.device(customer, day, rng.random(n) < 0.3), NO_DEVICE)
    roaming = has_device & (rng.random(n) < _ROAMING_SHARE)
    country = np.where(roaming, other_country(home, rng), country)
    kind = np.select(conditions, [CARD_PAYMENT, CARD_PAYMENT, ATM_WITHDRAWAL], TRANSFER)
    return make_rows(
        customer, counterparty, cents, kind, channel, country, day * DAY_US + time, device=device
    )


def _time_of_day(population: Population, customer: Ints, rng: np.random.Generator) -> Ints:
    n = len(customer)
    hour = population.peak_hour[customer] + population.hour_spread[customer] * rng.standard_normal(n)
    hour = np.where(rng.random(n) < population.night_share[customer], rng.uniform(0, 24, n), hour) % 24
    milliseconds = np.minimum((hour * 3_600_000).astype(np.int64), 86_399_999)
    return np.asarray(milliseconds * 1000)
