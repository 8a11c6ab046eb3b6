"""Checks: the list that ends every study, benchmark and demo, and decides its exit code."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

_RELATIONS = {
    "<=": lambda value, bound: value <= bound,
    ">=": lambda value, bound: value >= bound,
    "==": lambda value, bound: value == bound,
}


@dataclass(frozen=True, slots=True)
class Bound:
    """What a value is held against, e.g. ``<= 5``."""

    relation: str
    limit: float | bool

    def __post_init__(self) -> None:
        """Refuse a relation nobody knows."""
        if self.relation not in _RELATIONS:
            raise ValueError(f"expected one of {', '.join(_RELATIONS)}, got {self.relation!r}")

    def holds(self, value: float | bool | None) -> bool:
        """Whether a value keeps to it; one that is missing or not a number never does."""
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return False
        return bool(_RELATIONS[self.relation](value, self.limit))

    def __str__(self) -> str:
        """As in the tables and the JSON documents."""
        return f"{self.relation} {_said(self.limit)}"


@dataclass(frozen=True, slots=True)
class Check:
    """A measured value and its bounds.

    Attributes
    ----------
    value
        None where it could not be measured, which fails a ``must``.
    must
        Has to hold, or the command fails; None for a value that is only told.
    aim
        What we would like.
    """

    name: str
    value: float | bool | None
    must: Bound | None = None
    aim: Bound | None = None

    @property
    def holds(self) -> bool:
        """Whether ``must`` holds; true where there is none."""
        return self.must is None or self.must.holds(self.value)

    @property
    def reaches_aim(self) -> bool:
        """Whether ``aim`` holds too; that of ``must`` where there is none."""
        return self.holds if self.aim is None else self.aim.holds(self.value)

    def document(self) -> dict[str, Any]:
        """As ``reports/*.json`` has it: name, value, must, aim, holds."""
        record = asdict(self)
        record["must"] = None if self.must is None else str(self.must)
        record["aim"] = None if self.aim is None else str(self.aim)
        record["holds"] = self.holds
        return record


def failed(checks: Sequence[Check]) -> list[Check]:
    """Those whose ``must`` does not hold."""
    return [check for check in checks if not check.holds]


def exit_code(checks: Sequence[Check]) -> int:
    """0 if every ``must`` holds, else 1."""
    return 1 if failed(checks) else 0


def _said(value: float | bool | None) -> str:
    if value is None:
        return "not measured"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def said(check: Check) -> str:
    """The value in words."""
    return _said(check.value)
