"""What the tables of the loader hold: their columns, and the frozen records made from their rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from include.stores.cassandra.clock import join

_TRANSACTION_NAMES = (
    "account_id month occurred_at transaction_id batch_id counterparty_id amount currency transaction_type "
    "channel country device_id customer_id extra occurred_at_us arrived_at arrived_at_us kafka_partition "
    "kafka_offset"
)
_DECISION_NAMES = (
    "transaction_id account_id batch_id decision score score_gradient_boosting score_isolation_forest "
    "score_one_class_svm rule_hits severity typology reasons features contributions level model_version "
    "ruleset_version scored_at scored_at_us"
)
#: Columns of ``transactions_by_account``.
TRANSACTION_COLUMNS = tuple(_TRANSACTION_NAMES.split())
#: Columns of ``decisions``.
DECISION_COLUMNS = tuple(_DECISION_NAMES.split())

_MEAN = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class StoredTransaction:
    """A row of ``transactions_by_account``; times are UTC to the microsecond."""

    transaction_id: str
    account_id: str
    counterparty_id: str
    amount: Decimal
    currency: str
    transaction_type: str
    channel: str
    country: str
    occurred_at: datetime
    device_id: str | None
    customer_id: str | None
    extra: str | None  # JSON object
    arrived_at: datetime
    kafka_partition: int
    kafka_offset: int
    batch_id: int


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A row of ``decisions``."""

    transaction_id: str
    account_id: str
    batch_id: int
    decision: str
    score: float | None  # null, like the next three, when only the rules spoke
    score_gradient_boosting: float | None
    score_isolation_forest: float | None
    score_one_class_svm: float | None
    rule_hits: tuple[str, ...]
    severity: str
    typology: str
    reasons: tuple[str, ...]
    features: Mapping[str, float]  # empty for ALLOW; NaN = not applicable
    contributions: Mapping[str, float]  # log-odds; empty for ALLOW
    level: str
    model_version: str
    ruleset_version: str
    scored_at: datetime


@dataclass(frozen=True, slots=True)
class Totals:
    """Count, sum and maximum of a key in a period."""

    key: str
    period_start: datetime | None  # None: since the first transaction
    count: int
    total: Decimal
    maximum: Decimal

    @property
    def mean(self) -> Decimal:
        """Total over count, half-even to six decimals as in ``include.aggregates``."""
        return (self.total / self.count).quantize(_MEAN, ROUND_HALF_EVEN)


def transaction_from(row: Sequence[Any]) -> StoredTransaction:
    """Record of a row in the order of ``TRANSACTION_COLUMNS``."""
    values = dict(zip(TRANSACTION_COLUMNS, row, strict=True))
    del values["month"]
    for name in ("occurred_at", "arrived_at"):
        values[name] = join(values[name], values.pop(f"{name}_us"))
    return StoredTransaction(**values)


def decision_from(row: Sequence[Any]) -> StoredDecision:
    """Record of a row in the order of ``DECISION_COLUMNS``."""
    values = dict(zip(DECISION_COLUMNS, row, strict=True))
    values["scored_at"] = join(values["scored_at"], values.pop("scored_at_us"))
    for name in ("rule_hits", "reasons"):
        values[name] = tuple(values[name] or ())
    values["features"] = dict(values["features"] or {})
    values["contributions"] = json.loads(values["contributions"] or "{}")
    return StoredDecision(**values)


def totals_from(key: str, period_start: datetime | None, sums: Sequence[Any]) -> Totals:
    """Record of (count, sum, maximum)."""
    count, total, maximum = sums
    return Totals(key, period_start, count, total, maximum)
