"""Scored rows of a small stationary world, and the changes that can come over it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from include.adaptation.drift import DriftSettings

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
FEATURES = ("amount_value", "account_count_1h", "is_new_device")


class World:
    """Draws scored rows; every argument of :meth:`rows` is a change."""

    start = START
    settings = DriftSettings(features=FEATURES)

    def rows(
        self,
        seed: int,
        n: int = 4_000,
        day: int = 0,
        days: int = 1,
        times: float = 1.0,  # amounts
        only: str | None = None,  # the channel whose amounts change
        alerts: float = 0.01,
        shift: float = 0.0,  # of the score
        missing: float = 0.1,  # share of is_new_device
        country: str | None = None,  # a new one, for a twentieth of the rows
    ) -> pa.Table:
        rng = np.random.default_rng(seed)
        types = rng.choice(["CARD_PAYMENT", "TRANSFER"], n, p=[0.7, 0.3])
        channel = rng.choice(["POS", "ONLINE", "MOBILE"], n, p=[0.5, 0.3, 0.2])
        amount = np.exp(rng.normal(3, 1, n))
        amount[(channel == only) | (only is None)] *= times
        new = (rng.random(n) < 0.2).astype(float)
        new[rng.random(n) < missing] = np.nan
        columns = (amount, rng.poisson(1.5, n).astype(float), new)
        score = 1 / (1 + np.exp(-(rng.normal(-5, 2, n) + shift)))
        countries = rng.choice(["DE", "FR", "BE"], n, p=[0.8, 0.15, 0.05]).astype(object)
        if country is not None:
            countries[rng.random(n) < 0.05] = country
        at = np.sort(rng.integers(0, days * 86_400, n))
        return pa.table(
            {
                "transaction_id": [f"{seed}-{day}-{row}" for row in range(n)],
                "transaction_type": types,
                "channel": channel,
                "country": pa.array(countries, pa.string()),
                "currency": ["EUR"] * n,
                "occurred_at": pa.array(
                    [START + day * DAY + timedelta(seconds=int(second)) for second in at],
                    pa.timestamp("us", tz="UTC"),
                ),
                "device_id": pa.array([None if i % 3 else "d" for i in range(n)], pa.string()),
                "features": pa.StructArray.from_arrays([pa.array(c) for c in columns], names=list(FEATURES)),
                "decision": np.where(rng.random(n) < alerts, "ALERT", "ALLOW"),
                "score": score,
            }
        )


@pytest.fixture(scope="session")
def world() -> World:
    return World()


@pytest.fixture(scope="session")
def usual(world) -> pa.Table:
    return world.rows(1, n=28_000, day=-7, days=7)
