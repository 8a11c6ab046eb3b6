"""Routing: from an alert to the deliveries it needs. The rules come from ``routing.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from include.alerts.alert import Alert, Severity
from include.alerts.contacts import Contact, ContactBook
from include.alerts.delivery import Delivery, delivery_id_for

#: The audience that stands for the holder of the account.
CUSTOMER = "customer"
STAFF = "staff"

#: Typologies of money laundering: telling the customer of the suspicion would be tipping off.
NEVER_TOLD_TO_CUSTOMERS = frozenset({"mule_account", "structuring"})


@dataclass(frozen=True, slots=True)
class Condition:
    """When a rule applies; a condition that is None holds for every alert."""

    severities: frozenset[Severity] | None = None
    severity_at_least: Severity | None = None
    typologies: frozenset[str] | None = None
    amount_at_least: Decimal | None = None
    currencies: frozenset[str] | None = None
    channels: frozenset[str] | None = None

    def holds(self, alert: Alert) -> bool:
        """Whether every condition given holds for ``alert``."""
        return (
            (self.severities is None or alert.severity in self.severities)
            and (self.severity_at_least is None or alert.severity.rank >= self.severity_at_least.rank)
            and (self.typologies is None or alert.typology in self.typologies)
            and (self.amount_at_least is None or alert.amount >= self.amount_at_least)
            and (self.currencies is None or alert.currency in self.currencies)
            and (self.channels is None or alert.channel in self.channels)
        )


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """One rule: when it applies, and the audiences it tells (names of groups, or ``customer``)."""

    name: str
    when: Condition
    tell: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Routing:
    """What ``routing.yaml`` says, checked."""

    groups: Mapping[str, Contact]
    match: Literal["all", "first"]
    rules: tuple[RoutingRule, ...]

    def audiences(self, alert: Alert) -> list[str]:
        """Names of those to tell, each once, in the order of the rules."""
        found: dict[str, None] = {}
        for rule in self.rules:
            if rule.when.holds(alert):
                found.update(dict.fromkeys(rule.tell))
                if self.match == "first":
                    break
        return list(found)


class Router:
    """Turns alerts into deliveries.

    Parameters
    ----------
    routing
        The rules.
    contacts
        Where customers can be reached.
    channel
        Name of the channel that carries the messages.
    """

    def __init__(self, routing: Routing, contacts: ContactBook, channel: str = "email") -> None:
        self._routing = routing
        self._contacts = contacts
        self._channel = channel

    def deliveries_of(self, alert: Alert) -> list[Delivery]:
        """Deliveries of one alert, one a recipient; a customer without a known contact gets none.

        Deterministic: the same alert, rules and contacts give equal deliveries, ids included.
        """
        recipients: dict[str, Delivery] = {}
        for audience in self._routing.audiences(alert):
            contact = self._contact(audience, alert)
            if contact is not None:
                kind = CUSTOMER if audience == CUSTOMER else STAFF
                recipients.setdefault(contact.address, self._delivery(alert, contact, kind))
        return list(recipients.values())

    def deliveries_of_all(self, alerts: Iterable[Alert]) -> list[Delivery]:
        """Deliveries of several alerts, in their order."""
        return [delivery for alert in alerts for delivery in self.deliveries_of(alert)]

    def _contact(self, audience: str, alert: Alert) -> Contact | None:
        if audience != CUSTOMER:
            return self._routing.groups[audience]
        # The file is checked for this already; a routing built in code is not.
        if alert.customer_id is None or alert.typology in NEVER_TOLD_TO_CUSTOMERS:
            return None
        return self._contacts.contact_of(alert.customer_id)

    def _delivery(self, alert: Alert, contact: Contact, audience: str) -> Delivery:
        return Delivery(
            delivery_id=delivery_id_for(alert.alert_id, self._channel, contact.address),
            alert_id=alert.alert_id,
            channel=self._channel,
            recipient=contact.address,
            audience=audience,
            language=contact.language,
            created_at=alert.raised_at,
            arrived_at=alert.arrived_at,
        )
