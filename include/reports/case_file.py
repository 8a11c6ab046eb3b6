"""The file of one case, for a suspicious-activity report: all that is known, in one document that can be checked.

The document has three parts: ``schema``, ``content`` and ``made`` (who asked for it, and when). ``sha256`` is that
of the content in canonical JSON, so the same case gives the same digest whoever exports it, and any change shows.
Amounts are exact texts, times ISO 8601 in UTC, numbers that are not whole texts; what a feature could not be
computed for is null. The document leaves the bank: addresses are masked as the desk masks them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from include.alerts.alert import Alert
from include.alerts.delivery import Delivery
from include.alerts.delivery_masking import shown_error, shown_recipient
from include.cases.case import Case, CaseEvent
from include.governance.audit_record import canonical
from include.transactions.labels import LabelEvent

#: Name and version of the document; a change of meaning gets another number.
SCHEMA = "tidewatch/case-file/1"


class AccountTransaction(Protocol):
    """A transaction of the account, as a store has it."""

    @property
    def transaction_id(self) -> str: ...  # noqa: D102
    @property
    def account_id(self) -> str: ...  # noqa: D102
    @property
    def counterparty_id(self) -> str: ...  # noqa: D102
    @property
    def amount(self) -> Decimal: ...  # noqa: D102
    @property
    def currency(self) -> str: ...  # noqa: D102
    @property
    def transaction_type(self) -> str: ...  # noqa: D102
    @property
    def channel(self) -> str: ...  # noqa: D102
    @property
    def country(self) -> str: ...  # noqa: D102
    @property
    def occurred_at(self) -> datetime: ...  # noqa: D102
    @property
    def device_id(self) -> str | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class CaseFile:
    """Everything about one case.

    Attributes
    ----------
    transactions
        Of the account, around the one that was alerted on and with it, oldest first.
    repeats
        Alerts of the account that were joined to this one and are decided with it, oldest first.
    made_by, made_at
        Who exported it, and when (UTC).
    are_all
        Whether ``transactions`` has all of the days it covers.
    """

    alert: Alert
    case: Case
    history: tuple[CaseEvent, ...]
    transactions: tuple[AccountTransaction, ...]
    deliveries: tuple[Delivery, ...]
    labels: tuple[LabelEvent, ...]
    repeats: tuple[Alert, ...]
    made_by: str
    made_at: datetime
    are_all: bool = True

    @property
    def label_on_its_way(self) -> bool:
        """Whether the case is decided, but the label that says so has not come back from its topic yet."""
        return self.case.is_fraud is not None and not self.labels

    @property
    def content(self) -> Mapping[str, Any]:
        """What is known, as plain values."""
        return _content(self)

    @property
    def sha256(self) -> str:
        """Of the content, in canonical JSON."""
        return hashlib.sha256(canonical(self.content)).hexdigest()

    def to_json(self) -> bytes:
        """The document: canonical JSON in ASCII, so that any reader and any mail leaves it as it is."""
        made = {"by": self.made_by, "at": self.made_at}
        return canonical({"schema": SCHEMA, "content": self.content, "sha256": self.sha256, "made": made})


def case_file(
    alert: Alert,
    case: Case,
    history: Iterable[CaseEvent],
    transactions: Iterable[AccountTransaction],
    deliveries: Iterable[Delivery],
    labels: Iterable[LabelEvent],
    made_by: str,
    made_at: datetime,
    repeats: Iterable[Alert] = (),
    are_all: bool = True,
) -> CaseFile:
    """Put a case file together; the order of what is handed in does not matter.

    Parameters
    ----------
    are_all
        Whether the transactions are all of the days around the alert's.
    """
    return CaseFile(
        alert=alert,
        case=case,
        history=tuple(sorted(history, key=lambda event: event.case.version)),
        transactions=tuple(sorted(transactions, key=lambda one: (one.occurred_at, one.transaction_id))),
        deliveries=tuple(sorted(deliveries, key=lambda one: (one.created_at, str(one.delivery_id)))),
        labels=tuple(sorted(labels, key=lambda one: (one.labelled_at, one.source, one.is_fraud))),
        repeats=tuple(sorted(repeats, key=lambda one: (one.raised_at, str(one.alert_id)))),
        made_by=made_by,
        made_at=made_at,
        are_all=are_all,
    )


def is_unchanged(document: bytes) -> bool:
    """Whether an exported document has the digest it names."""
    try:
        read = json.loads(document)
        return bool(hashlib.sha256(canonical(read["content"])).hexdigest() == read["sha256"])
    except (ValueError, KeyError, TypeError):
        return False


def _content(file: CaseFile) -> dict[str, Any]:
    alert, case = file.alert, file.case
    return {
        "alert": {
            "alert_id": str(alert.alert_id),
            "raised_at": alert.raised_at,
            "severity": str(alert.severity),
            "typology": alert.typology,
            "batch": alert.batch_id,
        },
        "subject": {
            "account_id": alert.account_id,
            "customer_id": alert.customer_id,
            "counterparty_id": alert.counterparty_id,
        },
        "transaction": {
            "transaction_id": alert.transaction_id,
            "amount": alert.amount,
            "currency": alert.currency,
            "transaction_type": alert.transaction_type,
            "channel": alert.channel,
            "country": alert.country,
            "occurred_at": alert.occurred_at,
            "arrived_at": alert.arrived_at,
        },
        "decision": {
            "score": _number(alert.score),
            "rule_hits": list(alert.rule_hits),
            "reasons": list(alert.reasons),
            "contributions": {name: _number(value) for name, value in alert.contributions.items()},
            "features": {name: _number(value) for name, value in alert.features.items()},
            "model_version": alert.model_version,
            "ruleset_version": alert.ruleset_version,
        },
        "case": {
            "status": str(case.status),
            "is_fraud": case.is_fraud,
            "assignee": case.assignee,
            "version": case.version,
            "joined_to": None if case.leader_id is None else str(case.leader_id),
            "suppression_id": None if case.suppression_id is None else str(case.suppression_id),
        },
        "history": [_event(event) for event in file.history],
        "labels": [
            {"is_fraud": one.is_fraud, "source": one.source, "labelled_at": one.labelled_at}
            for one in file.labels
        ],
        "label_on_its_way": file.label_on_its_way,
        "repeats": [_repeat(one) for one in file.repeats],
        "deliveries": [_delivery(one) for one in file.deliveries],
        "transactions_around": [_transaction(one) for one in file.transactions],
        "transactions_around_are_all": file.are_all,
    }


def _repeat(alert: Alert) -> dict[str, Any]:
    return {
        "alert_id": str(alert.alert_id),
        "raised_at": alert.raised_at,
        "severity": str(alert.severity),
        "typology": alert.typology,
        "transaction_id": alert.transaction_id,
        "counterparty_id": alert.counterparty_id,
        "amount": alert.amount,
        "currency": alert.currency,
        "occurred_at": alert.occurred_at,
        "score": _number(alert.score),
        "rule_hits": list(alert.rule_hits),
        "reasons": list(alert.reasons),
    }


def _event(event: CaseEvent) -> dict[str, Any]:
    deed = event.deed
    return {
        "number": event.case.version,
        "at": deed.at,
        "actor": deed.actor,
        "action": str(deed.action),
        "comment": deed.comment,
        "assignee": deed.assignee,
        "until": deed.until,
        "status_after": str(event.case.status),
    }


def _delivery(one: Delivery) -> dict[str, Any]:
    return {
        "delivery_id": str(one.delivery_id),
        "channel": one.channel,
        "recipient": shown_recipient(one),
        "audience": one.audience,
        "state": str(one.state),
        "attempts": one.attempts,
        "created_at": one.created_at,
        "delivered_at": one.delivered_at,
        "last_error": shown_error(one),
        "provider_id": one.provider_id,
    }


_TRANSACTION: Sequence[str] = (
    "transaction_id", "account_id", "counterparty_id", "amount", "currency", "transaction_type", "channel",
    "country", "occurred_at", "device_id",
)  # fmt: skip


def _transaction(one: AccountTransaction) -> dict[str, Any]:
    return {name: getattr(one, name) for name in _TRANSACTION}


def _number(value: float) -> float | None:
    """JSON knows neither NaN nor infinity."""
    return value if math.isfinite(value) else None
