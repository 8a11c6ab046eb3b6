"""Alerts and deliveries to test with; every value can be replaced by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from include.alerts.alert import Alert, Severity, alert_id_for
from include.alerts.delivery import Delivery, delivery_id_for
from include.alerts.message import Message
from include.alerts.rendering import Renderer
from include.transactions.schema import ACCEPTED_SCHEMA, TIME

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ACCOUNT = "DE89370400440532013000"
MERCHANT = "MERCHANT-00417"

SCORED_SCHEMA = pa.schema(
    [
        *ACCEPTED_SCHEMA,
        pa.field("features", pa.struct([("amount_value", pa.float64()), ("is_new_device", pa.float64())])),
        pa.field("decision", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("score_gradient_boosting", pa.float64()),
        pa.field("score_isolation_forest", pa.float64()),
        pa.field("score_one_class_svm", pa.float64()),
        pa.field("rule_hits", pa.list_(pa.string())),
        pa.field("severity", pa.string()),
        pa.field("typology", pa.string()),
        pa.field("reasons", pa.list_(pa.string())),
        pa.field("contributions", pa.string()),
        pa.field("level", pa.string()),
        pa.field("model_version", pa.string()),
        pa.field("ruleset_version", pa.string()),
        pa.field("scored_at", TIME),
    ]
)


def scored_row(**changes: Any) -> dict[str, Any]:
    return {
        "transaction_id": "T-1",
        "account_id": ACCOUNT,
        "counterparty_id": MERCHANT,
        "amount": Decimal("1234.5000"),
        "currency": "EUR",
        "transaction_type": "CARD_PAYMENT",
        "channel": "ONLINE",
        "country": "PT",
        "occurred_at": NOON,
        "device_id": None,
        "customer_id": "C-77",
        "extra": None,
        "kafka_partition": 0,
        "kafka_offset": 17,
        "arrived_at": NOON + timedelta(seconds=1),
        "features": {"amount_value": 1234.5, "is_new_device": None},
        "decision": "ALERT",
        "score": 0.9731,
        "score_gradient_boosting": 0.9,
        "score_isolation_forest": 0.6,
        "score_one_class_svm": 0.1,
        "rule_hits": ["new_device_large_amount"],
        "severity": "HIGH",
        "typology": "account_takeover",
        "reasons": ["first payment from this device", "amount is 14 times the usual"],
        "contributions": '{"amount_value": 1.5}',
        "level": "FULL",
        "model_version": "2026-02-27.1",
        "ruleset_version": "9f3c21a",
        "scored_at": NOON + timedelta(seconds=2),
    } | changes


def scored_table(*rows: Mapping[str, Any]) -> pa.Table:
    return pa.Table.from_pylist([dict(row) for row in rows], schema=SCORED_SCHEMA)


def alert(number: int = 1, **changes: Any) -> Alert:
    example = Alert(
        alert_id=alert_id_for(f"T-{number}"),
        transaction_id=f"T-{number}",
        batch_id=3,
        account_id=ACCOUNT,
        customer_id="C-77",
        counterparty_id=MERCHANT,
        amount=Decimal("1234.5000"),
        currency="EUR",
        transaction_type="CARD_PAYMENT",
        channel="ONLINE",
        country="PT",
        occurred_at=NOON,
        arrived_at=NOON + timedelta(seconds=1),
        raised_at=NOON + timedelta(seconds=2),
        severity=Severity.HIGH,
        typology="account_takeover",
        score=0.9731,
        rule_hits=("new_device_large_amount",),
        reasons=("first payment from this device", "amount is 14 times the usual"),
        features={"amount_value": 1234.5},
        contributions={"amount_value": 1.5},
        model_version="2026-02-27.1",
        ruleset_version="9f3c21a",
    )
    return dataclasses.replace(example, **changes)


def delivery(of: Alert, **changes: Any) -> Delivery:
    recipient = changes.get("recipient", "fraud-desk@example.com")
    example = Delivery(
        delivery_id=delivery_id_for(of.alert_id, "email", recipient),
        alert_id=of.alert_id,
        channel="email",
        recipient=recipient,
        audience="staff",
        language="en",
        created_at=of.raised_at,
        arrived_at=of.arrived_at,
    )
    return dataclasses.replace(example, **changes)


def message(number: int = 1, **changes: Any) -> Message:
    about = alert(number)
    return Renderer().render(about, delivery(about, **changes))
