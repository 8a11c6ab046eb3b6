import math
from datetime import UTC, timedelta
from decimal import Decimal

import pytest

from include.alerts.alert import Severity, alert_id_for
from include.alerts.errors import ScoredTableError
from include.alerts.from_scored import alerts_of
from tests.alerts.examples import NOON, scored_row, scored_table


def test_only_rows_with_the_decision_alert_become_alerts_in_their_order() -> None:
    table = scored_table(
        scored_row(transaction_id="b"),
        scored_row(transaction_id="x", decision="ALLOW"),
        scored_row(transaction_id="y", decision="REVIEW"),
        scored_row(transaction_id="a"),
    )
    assert [a.transaction_id for a in alerts_of(table, 1)] == ["b", "a"]


def test_an_alert_carries_the_row() -> None:
    (alert,) = alerts_of(scored_table(scored_row()), 7)
    assert alert.alert_id == alert_id_for("T-1")
    assert alert.batch_id == 7
    assert alert.amount == Decimal("1234.5000")
    assert alert.severity is Severity.HIGH
    assert alert.raised_at == NOON + timedelta(seconds=2)
    assert alert.raised_at.tzinfo is UTC
    assert alert.rule_hits == ("new_device_large_amount",)
    assert alert.contributions == {"amount_value": 1.5}
    assert alert.features["amount_value"] == 1234.5
    assert math.isnan(alert.features["is_new_device"])


def test_doing_a_batch_again_gives_equal_alerts() -> None:
    table = scored_table(*(scored_row(transaction_id=f"T-{n}", features=None) for n in range(5)))
    assert alerts_of(table, 2) == alerts_of(table, 2)


def test_a_degraded_row_and_an_anomaly_without_a_typology_are_alerts_too() -> None:
    row = scored_row(score=None, contributions=None, typology="", customer_id=None, level="RULES_ONLY")
    (alert,) = alerts_of(scored_table(row), 1)
    assert math.isnan(alert.score)
    assert alert.contributions == {}
    assert alert.typology == "unknown"
    assert alert.customer_id is None


def test_no_rows_no_alerts() -> None:
    assert alerts_of(scored_table(), 1) == []


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ScoredTableError, match=r"batch 4: expected the columns .* missing: severity"):
        alerts_of(scored_table(scored_row()).drop_columns(["severity"]), 4)


def test_a_row_no_alert_can_be_made_of_names_its_transaction() -> None:
    with pytest.raises(ScoredTableError, match=r"batch 4, transaction 'T-1'.*EXTREME"):
        alerts_of(scored_table(scored_row(severity="EXTREME")), 4)
