"""Routing: from an alert to the deliveries it needs. The rules come from ``routing.yaml``."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

from include.alerts.alert import Alert, Severity
from include.alerts.contacts import EMAIL, Contact, Customer
from include.alerts.delivery import CUSTOMER, ESCALATION, STAFF, Delivery, delivery_id_for
from include.alerts.limits import Limits
from include.alerts.quiet_hours import WallHours

log = logging.getLogger(__name__)

#: Typologies of money laundering: telling the customer of the suspicion would be tipping off.
NEVER_TOLD_TO_CUSTOMERS = frozenset({"mule_account", "structuring"})

REPEAT_WINDOW = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Condition:
    """When a rule applies; a condition that is None holds for every alert."""

    severities: frozenset[Severity] | None = None
    severity_at_least: Severity | None = None
    typologies: frozenset[str] | None = None
    amount_at_least: Decimal | None = None
    currencies: frozenset[str] | None = None
    channels: frozenset[str] | None = None
    segments: frozenset[str] | None = None  # a customer nobody knows is in none
    hours: WallHours | None = None  # of the moment the alert was raised

    def holds(self, alert: Alert, customer: Customer | None, zone: ZoneInfo) -> bool:
        """Whether every condition given holds for ``alert`` and the holder of its account.

        Parameters
        ----------
        zone
            Where the clock hangs that ``hours`` are read from.
        """
        return (
            (self.severities is None or alert.severity in self.severities)
            and (self.severity_at_least is None or alert.severity.rank >= self.severity_at_least.rank)
            and (self.typologies is None or alert.typology in self.typologies)
            and (self.amount_at_least is None or alert.amount >= self.amount_at_least)
            and (self.currencies is None or alert.currency in self.currencies)
            and (self.channels is None or alert.channel in self.channels)
            and (self.segments is None or (customer is not None and customer.segment in self.segments))
            and (self.hours is None or self.hours.hold_at(alert.raised_at, zone))
        )


@dataclass(frozen=True, slots=True)
class Tell:
    """Somebody to be told: a group or ``customer``, and the channels, all of them."""

    audience: str
    channels: tuple[str, ...] = (EMAIL,)


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """One rule: when it applies, and who is told over which channels."""

    name: str
    when: Condition
    tell: tuple[Tell, ...]


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who is told when nobody has looked at an alert for so long; groups of staff only."""

    after: timedelta
    tell: tuple[Tell, ...]


@dataclass(frozen=True, slots=True)
class Routing:
    """What ``routing.yaml`` says, checked."""

    groups: Mapping[str, Contact]
    match: Literal["all", "first"]
    rules: tuple[RoutingRule, ...]
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    escalation: Mapping[Severity, Escalation] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    #: Alerts of one account within so long are one matter.
    repeat_window: timedelta = REPEAT_WINDOW

    def told(self, alert: Alert, customer: Customer | None) -> list[tuple[str, str]]:
        """Who is told over which channel, each pair once, in the order of the rules."""
        found: dict[tuple[str, str], None] = {}
        for rule in self.rules:
            if rule.when.holds(alert, customer, self.zone):
                found.update(dict.fromkeys(_pairs(rule.tell)))
                if self.match == "first":
                    break
        return list(found)

    def channels(self) -> frozenset[str]:
        """Every channel in use: those somebody is told over, escalations included."""
        told = [rule.tell for rule in self.rules] + [one.tell for one in self.escalation.values()]
        return frozenset(channel for tell in told for _, channel in _pairs(tell))


def _pairs(tell: Iterable[Tell]) -> Iterator[tuple[str, str]]:
    return ((one.audience, channel) for one in tell for channel in one.channels)


class CustomerSource(Protocol):
    """The part of the customer store that routing needs."""

    def get_many(self, customer_ids: Sequence[str]) -> dict[str, Customer]:
        """Customers by id; those not stored are left out."""
        ...


class Router:
    """Turns alerts into deliveries.

    Deterministic: the same alerts, rules and customers give equal deliveries, ids included.

    Parameters
    ----------
    routing
        The rules.
    customers
        Who the customers are, and where they can be reached.
    """

    def __init__(self, routing: Routing, customers: CustomerSource) -> None:
        self._routing = routing
        self._customers = customers
        self.unknown_customers = 0  # alerts a customer was to be told of who is not in the store

    def deliveries_of(self, alert: Alert) -> list[Delivery]:
        """Deliveries of one alert; see :meth:`deliveries_of_all`."""
        return self.deliveries_of_all([alert])

    def deliveries_of_all(self, alerts: Iterable[Alert]) -> list[Delivery]:
        """Deliveries of several alerts, in their order, one a recipient and channel.

        All customers are looked up at once. One who is not in the store, or does not consent to any of
        the channels, gets none.
        """
        alerts = list(alerts)
        ids = dict.fromkeys(alert.customer_id for alert in alerts if alert.customer_id is not None)
        known = self._customers.get_many(list(ids)) if ids else {}
        found = []
        unknown = 0
        for alert in alerts:
            customer = known.get(alert.customer_id) if alert.customer_id is not None else None
            told = self._routing.told(alert, customer)
            unknown += customer is None and any(audience == CUSTOMER for audience, _ in told)
            found += self._once(self._deliveries(alert, customer, told))
        if unknown:
            self.unknown_customers += unknown
            log.warning(
                "%d alerts were to be told to customers who are not in the store; load them, staff know",
                unknown,
            )
        return found

    def escalations_of(self, alert: Alert, version: int = 0, at: datetime | None = None) -> list[Delivery]:
        """Deliveries to those who are told if nobody takes ``alert`` in time, or somebody escalates it.

        They have ids of their own, for each version of the case: who has had the alert gets the escalation all the
        same, and a second one too. Where nobody is named for a severity those of the most severe are told.

        Parameters
        ----------
        version
            Of the case that is told of.
        at
            Since when they are due; by default when the time that the severity allows is over.
        """
        named = self._routing.escalation
        escalation = named.get(alert.severity)
        if escalation is None and at is not None and named:
            escalation = named[max(named, key=lambda one: one.rank)]
        if escalation is None:
            return []
        due = at or alert.raised_at + escalation.after
        return self._once(
            self._to_group(alert, audience, channel, due, version)
            for audience, channel in _pairs(escalation.tell)
            if audience != CUSTOMER
        )

    def may_tell(self, alert: Alert, delivery: Delivery, at: datetime) -> datetime | None:
        """When the holder of the account may be told of ``alert``: ``at``, or later if that is in quiet hours.

        None if they do not consent any more. Looks the customer up; one who is not in the store has no quiet hours.
        """
        if alert.customer_id is None:
            return at
        customer = self._customers.get_many([alert.customer_id]).get(alert.customer_id)
        if customer is None:
            return at
        return (_held_until(alert, customer, at) or at) if customer.consents(delivery.channel) else None

    def _deliveries(
        self, alert: Alert, customer: Customer | None, told: Iterable[tuple[str, str]]
    ) -> Iterator[Delivery | None]:
        for audience, channel in told:
            if audience != CUSTOMER:
                yield self._to_group(alert, audience, channel)
            # The file is checked for this already; a routing built in code is not.
            elif customer is not None and alert.typology not in NEVER_TOLD_TO_CUSTOMERS:
                yield self._to_customer(alert, customer, channel)

    def _to_group(
        self,
        alert: Alert,
        group: str,
        channel: str,
        escalated_at: datetime | None = None,
        version: int = 0,
    ) -> Delivery | None:
        contact = self._routing.groups[group]
        recipient = contact.addresses.get(channel)
        if recipient is None:
            return None
        purpose = "" if escalated_at is None else ESCALATION
        which = f"{purpose}:{version}" if version else purpose
        return Delivery(
            delivery_id=delivery_id_for(alert.alert_id, channel, recipient, which),
            alert_id=alert.alert_id,
            channel=channel,
            recipient=recipient,
            audience=purpose or STAFF,
            language=contact.language,
            created_at=escalated_at or alert.raised_at,
            arrived_at=alert.arrived_at,
            next_attempt_at=escalated_at,
        )

    def _to_customer(self, alert: Alert, customer: Customer, channel: str) -> Delivery | None:
        recipient = customer.address_on(channel)
        if recipient is None or not customer.consents(channel):
            return None
        return Delivery(
            delivery_id=delivery_id_for(alert.alert_id, channel, recipient),
            alert_id=alert.alert_id,
            channel=channel,
            recipient=recipient,
            audience=CUSTOMER,
            language=customer.language,
            created_at=alert.raised_at,
            arrived_at=alert.arrived_at,
            next_attempt_at=_held_until(alert, customer, alert.raised_at),
        )

    @staticmethod
    def _once(deliveries: Iterable[Delivery | None]) -> list[Delivery]:
        """The first to each recipient on each channel: two groups may share an address."""
        found: dict[tuple[str, str], Delivery] = {}
        for delivery in deliveries:
            if delivery is not None:
                found.setdefault((delivery.channel, delivery.recipient), delivery)
        return list(found.values())


def _held_until(alert: Alert, customer: Customer, at: datetime) -> datetime | None:
    """When the customer may be told after ``at``; None for then. What is critical does not wait."""
    quiet = customer.quiet_hours
    if quiet is None or alert.severity is Severity.CRITICAL:
        return None
    end = quiet.end(at, customer.zone)
    return end if end > at else None
