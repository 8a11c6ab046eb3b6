"""How the rules do on a simulated bank whose seed nobody looked at while choosing the thresholds."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from include.features.history import features_of_history
from include.rules.columns import LIST_COLUMNS, rule_columns
from include.rules.loader import RULES_DIRECTORY, load_rules
from include.rules.rule import Action
from include.transactions.simulator import SimulatedBank

DAYS = 45
WARM = 32  # days of history before the first transaction that counts


@pytest.fixture(scope="module")
def judged() -> tuple[np.ndarray, np.ndarray]:
    """Whether each transaction after the warm-up raises an alert, and whether it is fraud."""
    bank = SimulatedBank(97, 300, start=datetime(2026, 3, 1, tzinfo=UTC))
    days = [bank.day(number) for number in range(DAYS)]
    transactions = pa.concat_tables([day.transactions for day in days])
    features = features_of_history(transactions).features.select(
        [
            name
            for name in rule_columns()
            if name not in transactions.column_names and name not in LIST_COLUMNS
        ]
    )
    start = sum(day.transactions.num_rows for day in days[:WARM])
    columns = [*transactions.columns, *features.columns]
    table = pa.table(columns, names=[*transactions.column_names, *features.column_names]).slice(start)
    hits = load_rules(RULES_DIRECTORY, rule_columns()).evaluate(table)
    alerted = np.array([any(hit.action is Action.ALERT for hit in found) for found in hits])
    fraud = pa.concat_tables([day.labels for day in days])["is_fraud"].to_numpy()[start:]
    return alerted, fraud.astype(bool)


def test_alerts_are_few_and_mostly_right(judged: tuple[np.ndarray, np.ndarray]) -> None:
    alerted, fraud = judged
    assert alerted.sum() > 20
    assert alerted.mean() < 0.012
    assert (alerted & fraud).sum() / alerted.sum() > 0.75


def test_rules_alone_catch_the_better_part_of_the_fraud(judged: tuple[np.ndarray, np.ndarray]) -> None:
    alerted, fraud = judged
    assert (alerted & fraud).sum() / fraud.sum() > 0.5
