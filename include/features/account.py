"""What an account's own past says about its next transaction."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from include.features.clock import DAY, HOUR, SECOND
from include.features.geography import distance_km
from include.features.timeline import Timeline
from include.features.transactions import UNITS, Transactions
from include.features.velocity import velocity
from include.features.windows import (
    Bool,
    Float,
    Int,
    blocks,
    distinct_in,
    distinct_nested,
    halves,
    joined,
    medians_of,
    running,
)
from include.transactions.schema import TRANSACTION_TYPES

SMALL = 5 * UNITS  # card testers probe with amounts up to this
NEAR_THRESHOLD = (9_000 * UNITS, 10_000 * UNITS)  # just below the reporting threshold
LARGE = 2.5  # times the account's median: few of its own payments are, most made with a stolen card
NIGHT_HOURS = 6
TOP_SPEED_KMH = 100_000.0

_DEPOSIT = TRANSACTION_TYPES.index("DEPOSIT")


def at_night(time: Int) -> Bool:
    """Before six in the morning, UTC."""
    return time % DAY < NIGHT_HOURS * HOUR


def at_weekend(time: Int) -> Bool:
    """Saturday or Sunday, UTC; 1970-01-01 was a Thursday."""
    return (time // DAY + 3) % 7 >= 5


def account_features(batch: Transactions, past: Timeline) -> dict[str, Float]:
    """Every feature of an account's past, row by row."""
    found = velocity(past)
    found |= _habits(batch, past)
    found |= _ratios(batch, found)
    found |= _since_last(batch, past)
    found |= _flows(past)
    return found


def _sum_since(past: Timeline, window: str, values: npt.NDArray[np.generic]) -> Int:
    sums = running(values)
    return sums[past.at] - sums[past.recent[window]]


def _habits(batch: Transactions, past: Timeline) -> dict[str, Float]:
    """Novelty, variety and the median: whatever needs the window's events themselves."""
    n = len(batch)
    other = np.ascontiguousarray(past.records["other"])
    country = np.ascontiguousarray(past.records["country"])
    device = np.ascontiguousarray(past.records["device"])
    found: dict[str, Float] = {
        "is_new_counterparty": np.ones(n),
        "is_new_country": np.ones(n),
        "is_new_device": np.where(batch.device == 0, np.nan, 1.0),
        "account_median_30d": np.full(n, np.nan),
        "account_distinct_counterparties_30d": np.zeros(n),
        "account_distinct_countries_30d": np.zeros(n),
        "account_large_count_7d": np.zeros(n),
        "account_large_count_30d": np.zeros(n),
    }
    for rows, index, length in blocks(past.recent["30d"], past.at):
        known = other[index]
        found["is_new_counterparty"][rows] = ~(known == batch.counterparty.hashes[rows, None]).any(axis=1)
        found["account_distinct_counterparties_30d"][rows] = distinct_in(known)
        known_countries = country[index]
        found["is_new_country"][rows] = ~(known_countries == batch.country[rows, None]).any(axis=1)
        found["account_distinct_countries_30d"][rows] = distinct_in(known_countries)
        seen = (device[index] == batch.device[rows, None]).any(axis=1)
        found["is_new_device"][rows] = np.where(batch.device[rows] == 0, np.nan, ~seen)
        amounts = past.amount[index]
        median = medians_of(amounts, length)
        found["account_median_30d"][rows] = median / UNITS
        large = (amounts > LARGE * median[:, None]) & (np.arange(index.shape[1]) < length[:, None])
        found["account_large_count_30d"][rows] = np.count_nonzero(large, axis=1)
        large &= index >= past.recent["7d"][rows, None]
        found["account_large_count_7d"][rows] = np.count_nonzero(large, axis=1)
    lows = {f"account_distinct_counterparties_{w}": past.recent[w] for w in ("1h", "24h", "7d")}
    found |= distinct_nested(other, lows, past.at)
    lows = {f"account_distinct_countries_{w}": past.recent[w] for w in ("24h", "7d")}
    found |= distinct_nested(country, lows, past.at)
    return found


def _ratios(batch: Transactions, found: dict[str, Float]) -> dict[str, Float]:
    amount = batch.amount / UNITS
    return {
        "amount_over_account_mean": amount / found["account_mean_30d"],
        "amount_over_account_median": amount / found["account_median_30d"],
        "amount_over_account_max": amount / found["account_max_30d"],
    }


def _since_last(batch: Transactions, past: Timeline) -> dict[str, Float]:
    """Time and speed since the event before; that one is kept however long ago it was."""
    has_last = past.at > past.first
    last = np.where(has_last, past.at - 1, past.at)
    seconds = np.where(has_last, (batch.time - past.time[last]) / SECOND, np.nan)
    kilometres = distance_km(past.records["country"][last], batch.country)
    with np.errstate(divide="ignore", invalid="ignore"):
        speed = np.minimum(kilometres / (seconds / 3600), TOP_SPEED_KMH)
    speed = np.where(kilometres == 0, 0.0, speed)
    return {"seconds_since_last": seconds, "country_speed_kmh": np.where(has_last, speed, np.nan)}


def _flows(past: Timeline) -> dict[str, Float]:
    """Money in and out, and counts of telling amounts and hours."""
    deposit = past.records["type"] == _DEPOSIT
    inflow, outflow = (
        joined(*(_sum_since(past, "24h", half) for half in halves(np.where(chosen, past.amount, 0))))
        for chosen in (deposit, ~deposit)
    )
    near = (past.amount >= NEAR_THRESHOLD[0]) & (past.amount < NEAR_THRESHOLD[1])
    seen = past.at - past.recent["30d"]
    some = np.where(seen > 0, seen, np.nan)
    return {
        "account_inflow_24h": inflow / UNITS,
        "account_outflow_24h": outflow / UNITS,
        "account_inflow_count_24h": _sum_since(past, "24h", deposit).astype(np.float64),
        "account_small_count_1h": _sum_since(past, "1h", past.amount <= SMALL).astype(np.float64),
        "account_near_threshold_count_7d": _sum_since(past, "7d", near).astype(np.float64),
        "share_of_night_30d": _sum_since(past, "30d", at_night(past.time)) / some,
        "share_of_weekend_30d": _sum_since(past, "30d", at_weekend(past.time)) / some,
    }
