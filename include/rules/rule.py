"""The records of this package: a rule, a threshold in it, a hit of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from include.alerts.alert import Severity


class Action(StrEnum):
    """What a hit asks for: an alert at once, or a look by an analyst."""

    REVIEW = "REVIEW"
    ALERT = "ALERT"


class Typology(StrEnum):
    """The ways of fraud a rule can point to."""

    CARD_TESTING = "card_testing"
    ACCOUNT_TAKEOVER = "account_takeover"
    MULE_ACCOUNT = "mule_account"
    COMPROMISED_MERCHANT = "compromised_merchant"
    STRUCTURING = "structuring"
    IMPOSSIBLE_TRAVEL = "impossible_travel"
    DORMANT_ACCOUNT = "dormant_account"
    LARGE_AMOUNT = "large_amount"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A column held against a number, e.g. ``account_small_count_1h >= 5``."""

    column: str
    operator: str  # ">", ">=", "<", "<=" or "between" (both ends included)
    bound: Decimal
    upper: Decimal | None = None  # of "between" only

    def holds(self, value: Decimal | float | int) -> bool:
        """Whether ``value`` is on the side of the threshold that makes the rule hit."""
        number = value if isinstance(value, Decimal) else Decimal(repr(value))
        match self.operator:
            case ">":
                return number > self.bound
            case ">=":
                return number >= self.bound
            case "<":
                return number < self.bound
            case "<=":
                return number <= self.bound
            case _:
                return self.upper is not None and self.bound <= number <= self.upper

    def __str__(self) -> str:
        if self.upper is not None:
            return f"between {self.bound} and {self.upper}"
        return f"{self.operator} {self.bound}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A checked rule. Plain data: it can be pickled to a worker.

    ``sql`` is the expression as parsed and printed again, not the text of the file, so what runs is
    exactly what was checked; divisors are guarded (division by zero gives NULL, and NULL never hits).
    """

    rule_id: str
    title: str
    typology: Typology
    severity: Severity
    owner: str
    version: int
    action: Action
    description: str
    reason: str  # words with {column} placeholders; may be empty
    sql: str
    columns: tuple[str, ...]  # that occur in the expression, in order of appearance
    reason_columns: tuple[str, ...]  # that occur in ``reason``
    thresholds: tuple[Threshold, ...]


@dataclass(frozen=True, slots=True)
class RuleHit:
    """A rule that hit a transaction."""

    rule_id: str
    severity: Severity
    typology: Typology
    action: Action
    reason: str  # in words, with the values and thresholds that made it hit
