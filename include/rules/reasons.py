"""A hit in words: what happened, and the values and thresholds that show it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from include.rules.header import PLACEHOLDER
from include.rules.rule import Rule

Value = Decimal | float | int | str | datetime | None


def reason_for(rule: Rule, values: Mapping[str, Value]) -> str:
    """Words for a hit of ``rule``.

    Parameters
    ----------
    rule
        The rule that hit.
    values
        Value of each of ``rule.columns`` and ``rule.reason_columns`` on the row it hit.

    Returns
    -------
    str
        For example ``Card testing: 12 small payments in the last hour (account_small_count_1h = 12,
        threshold >= 5)``. Of several thresholds on a column only those that hold are named.
    """
    words = PLACEHOLDER.sub(lambda match: show(values[match.group(1)]), rule.reason)
    evidence = "; ".join(_evidence(rule, name, values[name]) for name in rule.columns)
    return f"{rule.title}: {words} ({evidence})" if words else f"{rule.title} ({evidence})"


def evidence_parted(reason: str) -> tuple[str, tuple[str, ...]]:
    """What ``reason_for`` made, as its words and its evidence, a value each; () for a text without evidence.

    Examples
    --------
    >>> evidence_parted("Large: twice (or more) the usual (amount = 9, threshold > 4; hour = 3)")
    ('Large: twice (or more) the usual', ('amount = 9, threshold > 4', 'hour = 3'))
    """
    open_brackets = 0
    for place in range(len(reason) - 1, -1, -1):
        open_brackets += {")": 1, "(": -1}.get(reason[place], 0)
        if open_brackets == 0:
            inside = reason[place + 1 : -1]
            return (reason[:place].rstrip(), tuple(inside.split("; "))) if " = " in inside else (reason, ())
    return reason, ()


def _evidence(rule: Rule, name: str, value: Value) -> str:
    text = f"{name} = {show(value)}"
    if isinstance(value, bool) or not isinstance(value, Decimal | float | int) or not math.isfinite(value):
        return text
    held = [str(t) for t in rule.thresholds if t.column == name and t.holds(value)]
    return f"{text}, threshold {' and '.join(held)}" if held else text


def show(value: Value) -> str:
    """A value for a reader: whole numbers without a point, others rounded."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "unknown"
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    number = Decimal(value)
    if number == number.to_integral_value():
        return str(int(number))
    return f"{number:.2f}" if abs(number) >= 1 else f"{number:.3g}"
