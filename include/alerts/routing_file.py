"""Reads ``routing.yaml`` and refuses it with file and line when something in it cannot be meant."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from datetime import time, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

from yaml.nodes import Node

from include.alerts.alert import Severity
from include.alerts.contacts import CHANNELS as WAYS
from include.alerts.contacts import SEGMENTS, Contact, zone_named
from include.alerts.delivery import CUSTOMER
from include.alerts.from_scored import UNKNOWN_TYPOLOGY
from include.alerts.limits import Limits
from include.alerts.quiet_hours import WallHours
from include.alerts.routing import (
    NEVER_TOLD_TO_CUSTOMERS,
    REPEAT_WINDOW,
    Condition,
    Escalation,
    Routing,
    RoutingRule,
)
from include.alerts.routing_groups import LANGUAGES as LANGUAGES
from include.alerts.routing_groups import overrides, read_groups, read_tell
from include.alerts.yaml_lines import YamlLines
from include.transactions.schema import CHANNELS

DEFAULT_FILE = Path(__file__).with_name("routing.yaml")

TYPOLOGIES = (
    "card_testing",
    "account_takeover",
    "mule_account",
    "compromised_merchant",
    "structuring",
    "impossible_travel",
    "dormant_account",
    "large_amount",
    UNKNOWN_TYPOLOGY,
)

_CURRENCY = re.compile(r"[A-Z]{3}")
_SEGMENT = re.compile(r"[a-z][a-z0-9_]*")
_HOURS = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*-\s*(\d{1,2})(?::(\d{2}))?")
_T = TypeVar("_T")


def load_routing(
    path: Path = DEFAULT_FILE,
    addresses: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Routing:
    """Load and check a routing file.

    Parameters
    ----------
    path
        The file.
    addresses
        Addresses by group name (e-mail) or group name and channel (``fraud_desk_sms``), instead of those
        in the file and in the environment.
    environ
        Where ``TIDEWATCH_ALERT_GROUP_<NAME>`` and ``TIDEWATCH_ALERT_GROUP_<NAME>_<CHANNEL>`` are looked up;
        the process's environment by default.

    Raises
    ------
    RoutingError
        The file cannot be read, or holds something that cannot be meant.
    """
    lines = YamlLines(path)
    return _Reader(lines).routing(
        lines.root(), overrides(os.environ if environ is None else environ, addresses or {})
    )


class _Reader:
    """From the nodes of the file to what they mean."""

    def __init__(self, lines: YamlLines) -> None:
        self._lines = lines
        self._segments: tuple[str, ...] = SEGMENTS

    def routing(self, root: Node, addresses: Mapping[str, str]) -> Routing:
        optional = ("match", "timezone", "segments", "escalation", "limits", "repeats")
        top = self._lines.mapping(root, required=("groups", "rules"), optional=optional)
        groups = read_groups(self._lines, top["groups"], addresses)
        if "segments" in top:
            self._segments = tuple(self._lines.items(top["segments"], self._segment))
        return Routing(
            groups,
            self._match(top["match"]) if "match" in top else "all",
            tuple(self._rule(node, groups) for node in self._lines.sequence(top["rules"], "rules")),
            self._zone(top["timezone"]) if "timezone" in top else ZoneInfo("UTC"),
            self._escalations(top["escalation"], groups) if "escalation" in top else {},
            self._limits(top["limits"]) if "limits" in top else Limits(),
            self._window(top["repeats"]) if "repeats" in top else REPEAT_WINDOW,
        )

    def _match(self, node: Node) -> Literal["all", "first"]:
        return "first" if self._lines.one_of(node, ("all", "first")) == "first" else "all"

    def _zone(self, node: Node) -> ZoneInfo:
        name = self._lines.text(node)
        zone = zone_named(name)
        if zone is None:
            raise self._lines.error(
                node, f'expected a time zone of the IANA list, such as Europe/Berlin, got "{name}"'
            )
        return zone

    def _segment(self, node: Node) -> str:
        name = self._lines.text(node)
        if not _SEGMENT.fullmatch(name):
            raise self._lines.error(
                node, f'expected a segment of lower-case letters, digits and _, got "{name}"'
            )
        return name

    def _escalations(self, node: Node, groups: Mapping[str, Contact]) -> dict[Severity, Escalation]:
        found = {}
        for name, one in self._lines.mapping(node, optional=tuple(Severity)).items():
            fields = self._lines.mapping(one, required=("after_minutes", "tell"))
            minutes = self._lines.number(fields["after_minutes"], "a number of minutes", 1, "30")
            # A customer cannot look at an alert, which is what an escalation asks for.
            tell = read_tell(self._lines, fields["tell"], groups, ())
            found[Severity(name)] = Escalation(timedelta(minutes=minutes), tuple(tell))
        return found

    def _limits(self, node: Node) -> Limits:
        default = Limits()
        keys = ("alerts_per_minute", "digest_every_seconds", "sends_per_second")
        fields = self._lines.mapping(node, optional=keys)
        return Limits(
            int(self._lines.number(fields["alerts_per_minute"], "a number of alerts", 1, "300"))
            if "alerts_per_minute" in fields
            else default.alerts_per_minute,
            timedelta(
                seconds=self._lines.number(fields["digest_every_seconds"], "a number of seconds", 1, "120")
            )
            if "digest_every_seconds" in fields
            else default.digest_every,
            {
                channel: self._lines.number(rate, "a number of messages", 0.01, "10")
                for channel, rate in self._lines.mapping(fields["sends_per_second"], optional=WAYS).items()
            }
            if "sends_per_second" in fields
            else default.sends_per_second,
        )

    def _window(self, node: Node) -> timedelta:
        fields = self._lines.mapping(node, required=("window_minutes",))
        return timedelta(minutes=self._lines.number(fields["window_minutes"], "a number of minutes", 0, "30"))

    def _rule(self, node: Node, groups: Mapping[str, Contact]) -> RoutingRule:
        fields = self._lines.mapping(node, required=("name", "tell"), optional=("when",))
        when = self._condition(fields["when"]) if "when" in fields else Condition()
        tell = read_tell(self._lines, fields["tell"], groups, (CUSTOMER,))
        tells_customer = any(one.audience == CUSTOMER for one in tell)
        if tells_customer and (when.typologies is None or when.typologies & NEVER_TOLD_TO_CUSTOMERS):
            raise self._lines.error(
                fields["tell"],
                f"expected a rule that tells the {CUSTOMER} to list its typologies, without "
                f"{' and '.join(sorted(NEVER_TOLD_TO_CUSTOMERS))} (tipping off); correct when.typology",
            )
        return RoutingRule(self._lines.text(fields["name"]), when, tuple(tell))

    def _condition(self, node: Node) -> Condition:
        lines = self._lines
        keys = ("severity", "severity_at_least", "typology", "amount_at_least", "currency", "channel")
        fields = lines.mapping(node, optional=(*keys, "segment", "hour"))
        if "severity" in fields and "severity_at_least" in fields:
            problem = "expected severity or severity_at_least, got both; drop one"
            raise lines.error(fields["severity"], problem)
        return Condition(
            severities=self._set(fields.get("severity"), self._severity),
            severity_at_least=self._severity(fields["severity_at_least"])
            if "severity_at_least" in fields
            else None,
            typologies=self._set(fields.get("typology"), lambda item: lines.one_of(item, TYPOLOGIES)),
            amount_at_least=self._amount(fields["amount_at_least"]) if "amount_at_least" in fields else None,
            currencies=self._set(fields.get("currency"), self._currency),
            channels=self._set(fields.get("channel"), lambda item: lines.one_of(item, CHANNELS)),
            segments=self._set(fields.get("segment"), lambda item: lines.one_of(item, self._segments)),
            hours=self._hours(fields["hour"]) if "hour" in fields else None,
        )

    def _severity(self, node: Node) -> Severity:
        return Severity(self._lines.one_of(node, tuple(Severity)))

    def _amount(self, node: Node) -> Decimal:
        text = self._lines.text(node)
        try:
            amount = Decimal(text)
        except InvalidOperation:
            amount = Decimal(0)
        if not (amount.is_finite() and amount > 0):
            raise self._lines.error(node, f'expected an amount above 0, for example 25000, got "{text}"')
        return amount

    def _currency(self, node: Node) -> str:
        code = self._lines.text(node)
        if not _CURRENCY.fullmatch(code):
            raise self._lines.error(node, f'expected an ISO 4217 code such as EUR, got "{code}"')
        return code

    def _hours(self, node: Node) -> WallHours:
        text = self._lines.text(node)
        match = _HOURS.fullmatch(text.strip())
        if match:
            hour, minute, until_hour, until_minute = (int(part or 0) for part in match.groups())
            try:
                # 24 is how people write the end of a day.
                begin, until = time(hour, minute), time(until_hour % 24, until_minute)
            except ValueError:
                begin = until = time(0)
            if begin != until and until_hour <= 24:
                return WallHours(begin, until)
        raise self._lines.error(
            node, f'expected two different times of day, such as 22-06 or 18:30-24, got "{text}"'
        )

    def _set(self, node: Node | None, read: Callable[[Node], _T]) -> frozenset[_T] | None:
        return None if node is None else frozenset(self._lines.items(node, read))
