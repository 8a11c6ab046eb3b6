"""A small world for the detection tests: four features, one of them tells fraud."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from include.alerts.alert import Severity
from include.detection.decision import Budget
from include.detection.detectors import IsolationForest, OneClassSVM, PeerClusters
from include.detection.detectors.gradient_boosting import BoostingSettings
from include.detection.matrix import feature_matrix
from include.detection.training import TrainingSettings, train
from include.rules.rule import Action, RuleHit, Typology
from include.transactions.schema import ACCEPTED_SCHEMA

NAMES = ("amount_value", "account_count_1h", "country_speed_kmh", "is_new_device")
START = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    features: pa.Table
    labels: np.ndarray
    occurred_at: np.ndarray
    amounts: np.ndarray
    typologies: list[str]

    def train(self, **changes):
        return train(
            self.features,
            self.labels,
            self.occurred_at,
            self.amounts,
            self.typologies,
            settings_of(**changes),
        )


def settings_of(**changes) -> TrainingSettings:
    boosting = BoostingSettings(rounds=25, max_bin=256, n_jobs=1)
    return TrainingSettings(**{"seed": 7, "boosting": boosting, "budget": Budget(), **changes})


def world(n: int, seed: int) -> World:
    rng = np.random.default_rng(seed)
    amount, count = np.exp(rng.normal(3, 1, n)), rng.poisson(2, n).astype(float)
    speed, new = np.exp(rng.normal(1, 1, n)), (rng.random(n) < 0.1).astype(float)
    labels = rng.random(n) < 0.02
    kind = rng.integers(0, 2, n)
    count[labels & (kind == 0)] += 8
    amount[labels & (kind == 1)] *= 25
    new[rng.random(n) < 0.05] = np.nan
    names = np.where(labels, np.where(kind == 0, "card_testing", "large_amount"), "")
    times = np.datetime64("2026-03-01") + rng.integers(0, 30 * 86_400, n).astype("timedelta64[s]")
    columns = dict(zip(NAMES, (amount, count, speed, new), strict=True))
    return World(pa.table(columns), labels, times, amount, names.tolist())


def transactions_for(features: pa.Table) -> pa.Table:
    n = features.num_rows
    amounts = [Decimal(f"{value:.2f}") for value in features["amount_value"].to_pylist()]
    columns: dict[str, list] = {
        "transaction_id": [f"t{row}" for row in range(n)],
        "account_id": [f"a{row % 7}" for row in range(n)],
        "counterparty_id": [f"c{row % 5}" for row in range(n)],
        "amount": amounts,
        "currency": ["EUR"] * n,
        "transaction_type": ["CARD_PAYMENT"] * n,
        "channel": ["POS"] * n,
        "country": ["DE"] * n,
        "occurred_at": [START + timedelta(seconds=row) for row in range(n)],
        "device_id": [None] * n,
        "customer_id": [None] * n,
        "extra": [None] * n,
        "kafka_partition": [0] * n,
        "kafka_offset": list(range(n)),
        "arrived_at": [START + timedelta(seconds=row + 1) for row in range(n)],
    }
    return pa.table(columns, schema=ACCEPTED_SCHEMA)


def hit(action="ALERT", severity="HIGH", typology="card_testing", rule_id="rule") -> RuleHit:
    return RuleHit(rule_id, Severity(severity), Typology(typology), Action(action), f"because of {rule_id}")


class CountingRules:
    """Hits where more than ``limit`` payments came within the hour; stands in for a loaded rule set."""

    version = "rules-1"

    def __init__(self, limit: float = 9, action: str = "ALERT") -> None:
        self.limit, self.action = limit, action

    def evaluate(self, table: pa.Table) -> list[tuple[RuleHit, ...]]:
        assert {"transaction_id", *NAMES} <= set(table.column_names)
        counts = table["account_count_1h"].to_pylist()
        return [(hit(self.action, "CRITICAL"),) if count > self.limit else () for count in counts]


@pytest.fixture(scope="session")
def history() -> World:
    return world(16_000, seed=1)


@pytest.fixture(scope="session")
def fresh() -> World:
    return world(8_000, seed=2)


@pytest.fixture(scope="session")
def bundle(history):
    return history.train()


@pytest.fixture(scope="session")
def light(bundle, history):
    """The bundle with anomaly detectors that load fast, for tests that load often."""
    matrix = feature_matrix(history.features.slice(0, 2_000), NAMES)
    detectors = (IsolationForest(trees=5), OneClassSVM(components=20), PeerClusters(clusters=3))
    for detector in detectors:
        detector.fit(matrix, None, seed=1)
    return replace(bundle, anomaly_detectors=detectors)


@pytest.fixture(scope="session")
def make():
    """The helpers, for test modules that cannot import this file."""

    class Make:
        transactions = staticmethod(transactions_for)
        hit = staticmethod(hit)
        rules = CountingRules
        world = staticmethod(world)
        settings = staticmethod(settings_of)
        names = NAMES

    return Make
