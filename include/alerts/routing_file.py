"""Reads ``routing.yaml`` and refuses it with file and line when something in it cannot be meant."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal, TypeVar

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from include.alerts.alert import Severity
from include.alerts.contacts import Contact
from include.alerts.errors import RoutingError
from include.alerts.from_scored import UNKNOWN_TYPOLOGY
from include.alerts.routing import CUSTOMER, NEVER_TOLD_TO_CUSTOMERS, Condition, Routing, RoutingRule
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
LANGUAGES = ("en", "de")

_ADDRESS = re.compile(r"[^@\s<>,;\"]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_GROUP_NAME = re.compile(r"[a-z][a-z0-9_]*")
_CURRENCY = re.compile(r"[A-Z]{3}")
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
        Addresses by group name, instead of those in the file and in the environment.
    environ
        Where ``TIDEWATCH_ALERT_GROUP_<NAME>`` is looked up; the process's environment by default.

    Raises
    ------
    RoutingError
        The file cannot be read, or holds something that cannot be meant.
    """
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise RoutingError(path, 1, f"expected a readable UTF-8 file, got: {error}") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RoutingError(path, line, f"expected YAML, got: {error.problem}; correct the syntax") from error
    if root is None:
        raise RoutingError(path, 1, "expected the keys groups and rules, got an empty file")
    overrides = _overrides(os.environ if environ is None else environ, addresses or {})
    return _Reader(path, overrides).routing(root)


def _overrides(environ: Mapping[str, str], addresses: Mapping[str, str]) -> dict[str, str]:
    prefix = "TIDEWATCH_ALERT_GROUP_"
    found = {key[len(prefix) :].lower(): value for key, value in environ.items() if key.startswith(prefix)}
    return {**found, **addresses}


class _Reader:
    """Walks the YAML nodes, which know their lines, unlike the values they stand for."""

    def __init__(self, path: Path, overrides: Mapping[str, str]) -> None:
        self._path = path
        self._overrides = overrides

    def routing(self, root: Node) -> Routing:
        top = self._mapping(root, required=("groups", "rules"), optional=("match",))
        groups = self._groups(top["groups"])
        match = self._match(top["match"]) if "match" in top else "all"
        rules = tuple(self._rule(node, groups) for node in self._sequence(top["rules"], "rules"))
        return Routing(groups, match, rules)

    def _groups(self, node: Node) -> dict[str, Contact]:
        groups: dict[str, Contact] = {}
        for name, group in self._mapping(node).items():
            if not _GROUP_NAME.fullmatch(name) or name == CUSTOMER:
                raise self._error(
                    group,
                    f'expected a group name of lower-case letters, digits and _ (not "{CUSTOMER}"), '
                    f'got "{name}"; rename it',
                )
            fields = self._mapping(group, required=("address",), optional=("language",))
            language = self._one_of(fields["language"], LANGUAGES) if "language" in fields else "en"
            groups[name] = Contact(self._address(fields["address"], name), language)
        unknown = sorted(set(self._overrides) - set(groups))
        if unknown:
            raise self._error(
                node,
                f"an address is given for {', '.join(unknown)}, which is no group of this file "
                f"({', '.join(groups)}); correct TIDEWATCH_ALERT_GROUP_... or the argument",
            )
        return groups

    def _address(self, node: Node, group: str) -> str:
        address = self._overrides.get(group) or self._text(node)
        if not _ADDRESS.fullmatch(address):
            raise self._error(node, f'expected one e-mail address for group {group}, got "{address}"')
        return address

    def _match(self, node: Node) -> Literal["all", "first"]:
        return "first" if self._one_of(node, ("all", "first")) == "first" else "all"

    def _rule(self, node: Node, groups: Mapping[str, Contact]) -> RoutingRule:
        fields = self._mapping(node, required=("name", "tell"), optional=("when",))
        when = self._condition(fields["when"]) if "when" in fields else Condition()
        tell = self._list(fields["tell"], lambda item: self._one_of(item, (*groups, CUSTOMER)))
        if CUSTOMER in tell and (when.typologies is None or when.typologies & NEVER_TOLD_TO_CUSTOMERS):
            raise self._error(
                fields["tell"],
                f"expected a rule that tells the {CUSTOMER} to list its typologies, without "
                f"{' and '.join(sorted(NEVER_TOLD_TO_CUSTOMERS))} (tipping off); correct when.typology",
            )
        return RoutingRule(self._text(fields["name"]), when, tuple(tell))

    def _condition(self, node: Node) -> Condition:
        keys = ("severity", "severity_at_least", "typology", "amount_at_least", "currency", "channel")
        fields = self._mapping(node, optional=keys)
        if "severity" in fields and "severity_at_least" in fields:
            problem = "expected severity or severity_at_least, got both; drop one"
            raise self._error(fields["severity"], problem)
        return Condition(
            severities=self._set(fields.get("severity"), self._severity),
            severity_at_least=self._severity(fields["severity_at_least"])
            if "severity_at_least" in fields
            else None,
            typologies=self._set(fields.get("typology"), lambda item: self._one_of(item, TYPOLOGIES)),
            amount_at_least=self._amount(fields["amount_at_least"]) if "amount_at_least" in fields else None,
            currencies=self._set(fields.get("currency"), self._currency),
            channels=self._set(fields.get("channel"), lambda item: self._one_of(item, CHANNELS)),
        )

    def _severity(self, node: Node) -> Severity:
        return Severity(self._one_of(node, tuple(Severity)))

    def _amount(self, node: Node) -> Decimal:
        try:
            amount = Decimal(self._text(node))
        except InvalidOperation:
            amount = Decimal(0)
        if not (amount.is_finite() and amount > 0):
            raise self._error(
                node, f'expected an amount above 0, for example 25000, got "{self._text(node)}"'
            )
        return amount

    def _currency(self, node: Node) -> str:
        code = self._text(node)
        if not _CURRENCY.fullmatch(code):
            raise self._error(node, f'expected an ISO 4217 code such as EUR, got "{code}"')
        return code

    def _set(self, node: Node | None, read: Callable[[Node], _T]) -> frozenset[_T] | None:
        return None if node is None else frozenset(self._list(node, read))

    def _list(self, node: Node, read: Callable[[Node], _T]) -> list[_T]:
        return [read(item) for item in self._sequence(node, "a list")]

    def _sequence(self, node: Node, what: str) -> list[Node]:
        if not isinstance(node, SequenceNode) or not node.value:
            raise self._error(node, f"expected {what} with at least one entry, in [brackets] or as - lines")
        return list(node.value)

    def _one_of(self, node: Node, allowed: tuple[str, ...]) -> str:
        value = self._text(node)
        if value not in allowed:
            raise self._error(node, f'expected one of {", ".join(allowed)}; got "{value}"')
        return value

    def _text(self, node: Node) -> str:
        if not isinstance(node, ScalarNode) or not node.value.strip():
            raise self._error(node, "expected a single value, got a list, a mapping or nothing")
        return str(node.value)

    def _mapping(
        self, node: Node, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()
    ) -> dict[str, Node]:
        if not isinstance(node, MappingNode):
            raise self._error(
                node, f"expected keys ({', '.join((*required, *optional)) or 'names'}) with values"
            )
        found: dict[str, Node] = {}
        for key_node, value in node.value:
            key = self._text(key_node)
            if key in found:
                raise self._error(key_node, f'the key "{key}" stands here twice; drop one')
            if (required or optional) and key not in (*required, *optional):
                raise self._error(
                    key_node, f'expected one of the keys {", ".join((*required, *optional))}; got "{key}"'
                )
            found[key] = value
        missing = [key for key in required if key not in found]
        if missing:
            raise self._error(node, f"expected the key {' and '.join(missing)}, which is missing; add it")
        return found

    def _error(self, node: Node, problem: str) -> RoutingError:
        return RoutingError(self._path, node.start_mark.line + 1, problem)
