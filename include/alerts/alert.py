"""The alert: one suspicious transaction, with the evidence frozen as it was when the decision fell."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

#: Namespace of every deterministic id the project derives (RFC 9562, version 5).
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:tidewatch")


class Severity(StrEnum):
    """How urgent an alert is, least first."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"

    @property
    def rank(self) -> int:
        """0 for LOW up to 3 for CRITICAL."""
        return list(Severity).index(self)


def alert_id_for(transaction_id: str) -> uuid.UUID:
    """Id of the one alert a transaction can raise; the same for every try of its batch."""
    return uuid.uuid5(NAMESPACE, f"alert:{transaction_id}")


@dataclass(frozen=True, slots=True)
class Alert:
    """One suspicious transaction.

    Everything in it comes from the scored batch in the lake, ``raised_at`` included, so that
    raising the alerts of a batch again writes the same bytes.
    """

    alert_id: uuid.UUID
    transaction_id: str
    batch_id: int
    account_id: str
    customer_id: str | None
    counterparty_id: str
    amount: Decimal
    currency: str
    transaction_type: str
    channel: str
    country: str
    occurred_at: datetime  # event time, UTC
    arrived_at: datetime  # when the broker got it, UTC
    raised_at: datetime  # when the decision fell, UTC
    severity: Severity
    typology: str  # suspected typology, e.g. "account_takeover"; "unknown" for anomalies
    score: float  # calibrated probability of fraud, 0..1
    rule_hits: tuple[str, ...]  # rule ids
    reasons: tuple[str, ...]  # in words, most important first
    features: Mapping[str, float]  # every feature value the decision saw; NaN = not applicable
    contributions: Mapping[str, float]  # top features, log-odds
    model_version: str
    ruleset_version: str
