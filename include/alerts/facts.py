"""What a message says of alerts: in words for the templates, and as data for machines.

Both know account numbers only as :mod:`include.alerts.masking` shows them, and free text (reasons, the id
of the transaction) only with the numbers in it masked, so neither a template nor a receiver can leak one.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from include.alerts.alert import Alert, Severity
from include.alerts.masking import mask_account, mask_in
from include.alerts.message import alert_reference
from include.alerts.wording import amount_of, score_of, time_of, words_of
from include.rules.reasons import evidence_parted

#: Alerts a digest shows one by one.
SHOWN_IN_DIGEST = 20

_COLOURS = {
    Severity.LOW: "#4a7a9c",
    Severity.MEDIUM: "#a86f00",
    Severity.HIGH: "#c2410c",
    Severity.CRITICAL: "#b00020",
}


def values_of(alert: Alert, language: str) -> dict[str, object]:
    """What the templates of one alert may use."""

    def clean(text: str) -> str:
        return _cleaned(alert, text)

    return {
        "severity": words_of(alert.severity, language),
        "colour": _COLOURS[alert.severity],
        "typology": words_of(alert.typology, language),
        "amount": amount_of(alert.amount, alert.currency, language),
        "account": mask_account(alert.account_id),
        "counterparty": mask_account(alert.counterparty_id),
        "kind": words_of(alert.transaction_type, language),
        "via": words_of(alert.channel, language),
        "country": alert.country,
        "occurred_at": time_of(alert.occurred_at, language),
        "arrived_at": time_of(alert.arrived_at, language),
        "raised_at": time_of(alert.raised_at, language),
        "score": score_of(alert.score, language),
        # In words; names of features and thresholds stay in the desk, which a link leads to.
        "reasons": [clean(evidence_parted(reason)[0]) for reason in alert.reasons],
        "rule_hits": ", ".join(alert.rule_hits) or "–",
        "model_version": alert.model_version or "–",
        "ruleset_version": alert.ruleset_version or "–",
        "transaction_id": clean(alert.transaction_id),
        "alert_id": str(alert.alert_id),
        "reference": alert_reference(alert.alert_id),
    }


def data_of(alert: Alert) -> dict[str, Any]:
    """One alert as JSON has it, for the bank's own systems."""
    return {
        "alert_id": str(alert.alert_id),
        "transaction_id": _cleaned(alert, alert.transaction_id),
        "severity": str(alert.severity),
        "typology": alert.typology,
        "amount": f"{alert.amount:f}",
        "currency": alert.currency,
        "account": mask_account(alert.account_id),
        "counterparty": mask_account(alert.counterparty_id),
        "transaction_type": alert.transaction_type,
        "channel": alert.channel,
        "country": alert.country,
        "occurred_at": alert.occurred_at.isoformat(),
        "raised_at": alert.raised_at.isoformat(),
        "score": None if math.isnan(alert.score) else alert.score,
        "rule_hits": list(alert.rule_hits),
        "reasons": [_cleaned(alert, reason) for reason in alert.reasons],
    }


def data_for_customer(alert: Alert) -> dict[str, Any]:
    """The part of it that a customer may know: what was done, not what we think of it."""
    known = ("amount", "currency", "account", "transaction_type", "channel", "country", "occurred_at")
    everything = data_of(alert)
    return {"reference": alert_reference(alert.alert_id)} | {name: everything[name] for name in known}


@dataclass(frozen=True, slots=True)
class Storm:
    """Many alerts, counted; the order they come in makes no difference.

    Parameters
    ----------
    alerts
        At least one.
    escalated
        Whether they are told of because nobody has looked at them in time.
    """

    alerts: Sequence[Alert]
    escalated: bool = False

    @property
    def since(self) -> datetime:
        """When the first was raised."""
        return min(alert.raised_at for alert in self.alerts)

    @property
    def until(self) -> datetime:
        """When the last was raised."""
        return max(alert.raised_at for alert in self.alerts)

    def by_severity(self) -> dict[Severity, int]:
        """Alerts by severity, worst first."""
        counted = Counter(alert.severity for alert in self.alerts)
        return {severity: counted[severity] for severity in reversed(Severity) if counted[severity]}

    def by_typology(self) -> dict[str, int]:
        """Alerts by typology, most frequent first."""
        counted = Counter(alert.typology for alert in self.alerts)
        return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))

    def totals(self) -> dict[str, Decimal]:
        """Sum of the amounts by currency; currencies are not added to each other."""
        sums: defaultdict[str, Decimal] = defaultdict(Decimal)
        for alert in self.alerts:
            sums[alert.currency] += alert.amount
        return dict(sorted(sums.items()))

    def worst(self) -> list[Alert]:
        """The most severe, then the most probable, then the oldest."""

        def order(alert: Alert) -> tuple[int, float, datetime, str]:
            score = 0.0 if math.isnan(alert.score) else alert.score
            return (-alert.severity.rank, -score, alert.raised_at, str(alert.alert_id))

        return sorted(self.alerts, key=order)[:SHOWN_IN_DIGEST]

    def values(self, language: str) -> dict[str, object]:
        """What the templates of a digest may use."""
        worst = self.worst()
        return {
            "count": len(self.alerts),
            "escalated": self.escalated,
            "colour": _COLOURS[worst[0].severity],
            "since": time_of(self.since, language),
            "until": time_of(self.until, language),
            "severities": [(words_of(name, language), n) for name, n in self.by_severity().items()],
            "typologies": [(words_of(name, language), n) for name, n in self.by_typology().items()],
            "totals": [amount_of(total, currency, language) for currency, total in self.totals().items()],
            "worst": [values_of(alert, language) for alert in worst],
        }

    def data(self) -> dict[str, Any]:
        """The digest as JSON has it."""
        return {
            "count": len(self.alerts),
            "escalated": self.escalated,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "by_severity": {str(severity): n for severity, n in self.by_severity().items()},
            "by_typology": self.by_typology(),
            "totals": {currency: f"{total:f}" for currency, total in self.totals().items()},
            "alerts": [data_of(alert) for alert in self.worst()],
        }


def _cleaned(alert: Alert, text: str) -> str:
    return mask_in(text, (alert.account_id, alert.counterparty_id))
