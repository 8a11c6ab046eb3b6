"""Suppressions: somebody asks not to be told of an account, counterparty, rule or typology for a while.

Alerts are raised and kept all the same; nobody is told of them, and their cases say why.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from include.alerts.alert import NAMESPACE, Alert
from include.cases.actions import check_end
from include.cases.errors import ActionRefused


class Scope(StrEnum):
    """What is not to be told of."""

    ACCOUNT = "account"
    COUNTERPARTY = "counterparty"
    RULE = "rule"
    TYPOLOGY = "typology"


@dataclass(frozen=True, slots=True)
class Suppression:
    """One snooze.

    Attributes
    ----------
    until
        When it ends by itself, UTC.
    lifted_at, lifted_by
        Somebody ended it before that.
    """

    suppression_id: uuid.UUID
    scope: Scope
    value: str
    reason: str
    author: str
    created_at: datetime
    until: datetime
    lifted_at: datetime | None = None
    lifted_by: str | None = None

    def active(self, at: datetime) -> bool:
        """Whether it holds at a time."""
        return self.created_at <= at < min(self.until, self.lifted_at or self.until)

    def covers(self, alert: Alert) -> bool:
        """Whether it is about this alert. A rule's covers an alert only if no other rule was hit."""
        match self.scope:
            case Scope.ACCOUNT:
                return alert.account_id == self.value
            case Scope.COUNTERPARTY:
                return alert.counterparty_id == self.value
            case Scope.RULE:
                return alert.rule_hits == (self.value,)
            case Scope.TYPOLOGY:
                return alert.typology == self.value

    def lifted(self, by: str, at: datetime) -> Suppression:
        """The same, ended by somebody.

        Raises
        ------
        ActionRefused
            It is over already.
        """
        if not self.active(at):
            raise ActionRefused("expected a suppression that still holds, this one is over")
        return replace(self, lifted_at=at, lifted_by=by)


def suppress(
    scope: Scope, value: str, reason: str, author: str, until: datetime, at: datetime
) -> Suppression:
    """A new suppression; the same person asking for the same at the same time gets the same.

    Raises
    ------
    ActionRefused
        No reason, nothing to suppress, or an end that is past or too far away.
    """
    if not reason.strip() or not value.strip():
        raise ActionRefused(f"expected a {scope} and a reason why nobody is to be told of it; write both")
    check_end(until, at)
    identity = uuid.uuid5(NAMESPACE, f"suppression:{scope}:{value}:{author}:{at.isoformat()}")
    return Suppression(identity, scope, value, reason.strip(), author, at, until)


def covering(alert: Alert, suppressions: Iterable[Suppression]) -> Suppression | None:
    """The suppression, out of those active when the alert was raised, that covers it; the oldest."""
    found = [one for one in suppressions if one.active(alert.raised_at) and one.covers(alert)]
    return min(found, key=lambda one: (one.created_at, str(one.suppression_id)), default=None)
