"""Finds the thresholds of a rule: columns held against plain numbers."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from sqlglot import exp

from include.rules.rule import Threshold

_OPERATORS: dict[type[exp.Expr], str] = {exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<="}
_MIRRORED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}


def thresholds_of(tree: exp.Expr) -> tuple[Threshold, ...]:
    """Thresholds in order of appearance; those below a NOT are left out, since there they must *not* hold."""
    return tuple(dict.fromkeys(_find(tree)))


def _find(tree: exp.Expr) -> Iterator[Threshold]:
    for node in tree.walk(bfs=False, prune=lambda node: isinstance(node, exp.Not)):
        if isinstance(node, exp.Between):
            low, high = _number(node.args["low"]), _number(node.args["high"])
            if isinstance(node.this, exp.Column) and low is not None and high is not None:
                yield Threshold(node.this.name, "between", low, high)
        elif operator := _OPERATORS.get(type(node)):
            left, right = node.args["this"], node.args["expression"]
            if isinstance(left, exp.Column) and (bound := _number(right)) is not None:
                yield Threshold(left.name, operator, bound)
            elif isinstance(right, exp.Column) and (bound := _number(left)) is not None:
                yield Threshold(right.name, _MIRRORED[operator], bound)


def _number(node: exp.Expr) -> Decimal | None:
    if isinstance(node, exp.Paren):
        return _number(node.this)
    if isinstance(node, exp.Neg):
        number = _number(node.this)
        return None if number is None else -number
    if isinstance(node, exp.Literal) and node.is_number:
        return Decimal(node.this)
    return None
