"""Alerts out of a scored batch: every row with the decision ALERT becomes one alert."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.alerts.alert import Alert, Severity, alert_id_for
from include.alerts.errors import ScoredTableError

#: Columns of the scored table an alert is made of.
COLUMNS = (
    "transaction_id",
    "account_id",
    "customer_id",
    "counterparty_id",
    "amount",
    "currency",
    "transaction_type",
    "channel",
    "country",
    "occurred_at",
    "arrived_at",
    "scored_at",
    "decision",
    "severity",
    "typology",
    "score",
    "rule_hits",
    "reasons",
    "features",
    "contributions",
    "model_version",
    "ruleset_version",
)

#: Typology of an alert that only the anomaly detectors raised.
UNKNOWN_TYPOLOGY = "unknown"


def alerts_of(scored: pa.Table, batch: int) -> list[Alert]:
    """Make the alerts of a scored batch, in the order of its rows.

    Deterministic: the id comes from the transaction, ``raised_at`` from ``scored_at``. Doing a batch
    again gives equal alerts.

    Parameters
    ----------
    scored
        One scored batch, any number of rows; only those with decision ``ALERT`` are read.
    batch
        Number of the batch.

    Raises
    ------
    ScoredTableError
        A column is missing, or a row holds a value no alert can be made of.
    """
    missing = [name for name in COLUMNS if name not in scored.column_names]
    if missing:
        raise ScoredTableError(
            f"scored batch {batch}: expected the columns of a scored table, missing: {', '.join(missing)}; "
            "score the batch again with the current release"
        )
    rows = scored.filter(pc.equal(scored["decision"], "ALERT")).select(list(COLUMNS)).to_pylist()
    return [_alert(row, batch) for row in rows]


def _alert(row: Mapping[str, Any], batch: int) -> Alert:
    try:
        return Alert(
            alert_id=alert_id_for(row["transaction_id"]),
            transaction_id=row["transaction_id"],
            batch_id=batch,
            account_id=row["account_id"],
            customer_id=row["customer_id"],
            counterparty_id=row["counterparty_id"],
            amount=row["amount"],
            currency=row["currency"],
            transaction_type=row["transaction_type"],
            channel=row["channel"],
            country=row["country"],
            occurred_at=_utc(row["occurred_at"]),
            arrived_at=_utc(row["arrived_at"]),
            raised_at=_utc(row["scored_at"]),
            severity=Severity(row["severity"]),
            typology=row["typology"] or UNKNOWN_TYPOLOGY,
            score=_number(row["score"]),
            rule_hits=tuple(row["rule_hits"] or ()),
            reasons=tuple(row["reasons"] or ()),
            features={name: _number(value) for name, value in (row["features"] or {}).items()},
            contributions=_contributions(row["contributions"]),
            model_version=row["model_version"] or "",
            ruleset_version=row["ruleset_version"] or "",
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise ScoredTableError(
            f"scored batch {batch}, transaction {row['transaction_id']!r}: expected a complete scored row, "
            f"got one no alert can be made of ({error}); score the batch again"
        ) from error


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _number(value: float | None) -> float:
    """Null in the lake is "not applicable" in the domain."""
    return math.nan if value is None else float(value)


def _contributions(text: str | None) -> dict[str, float]:
    return {name: float(value) for name, value in json.loads(text).items()} if text else {}
