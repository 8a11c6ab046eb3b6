"""Checks the types of an expression, with DuckDB as the judge.

DuckDB alone is too kind: it turns the text in ``amount > 'ten'`` or ``country IN (1, 2)`` into whatever
fits, and fails on the first row that does not. So each part is bound on an empty typed table, innermost
first, and what a comparison or a function is given must be of one kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from include.rules import engine
from include.rules.columns import Columns
from include.rules.errors import RuleProblem
from include.rules.expression import ARITHMETIC, CASTS, COMPARISONS, CONNECTORS, DIALECT, line_of

_TABLE = "typed"
_NUMBERS = ("DOUBLE", "FLOAT", "DECIMAL", "HUGEINT", "UHUGEINT", "BIGNUM")
_NUMERIC_FUNCTIONS = (exp.Abs, exp.Ceil, exp.Floor, exp.Round)
_TEXT_FUNCTIONS = (exp.Lower, exp.Upper, exp.Length, exp.StartsWith, exp.Contains)
_TIME_FUNCTIONS = (exp.Hour, exp.DayOfWeekIso)
_SAME_KIND_FUNCTIONS = (exp.Greatest, exp.Least, exp.Coalesce, exp.Nullif)
_UNTYPED = (exp.Identifier, exp.DataType, exp.DataTypeParam, exp.Null)


class Kind(StrEnum):
    """What sort of value an expression gives, as far as comparing is concerned."""

    NUMBER = "a number"
    TEXT = "text"
    TIME = "a time"
    BOOLEAN = "true or false"
    OTHER = "something else"


class _MismatchError(Exception):
    """A part was given something of the wrong kind; the message says so in words."""


def kind_of(duckdb_type: str) -> Kind:
    """Kind of a DuckDB type name such as ``DECIMAL(18,4)``."""
    name = duckdb_type.upper()
    if name.startswith(_NUMBERS) or ("INT" in name and name != "INTERVAL"):
        return Kind.NUMBER
    if name == "VARCHAR":
        return Kind.TEXT
    if name == "BOOLEAN":
        return Kind.BOOLEAN
    if name.startswith(("TIMESTAMP", "DATE", "TIME")):
        return Kind.TIME
    return Kind.OTHER


def check_types(path: Path, tree: exp.Expr, columns: Columns) -> list[RuleProblem]:
    """Problem with the types of ``tree``: at most one, the innermost; empty if it is boolean and sound."""
    connection = engine.connection()
    connection.register(_TABLE, pa.schema(list(columns.items())).empty_table())
    # Breadth first, reversed: every part before what it is a part of.
    nodes = [node for node in reversed(list(tree.walk(bfs=True))) if not isinstance(node, _UNTYPED)]
    kinds: dict[int, Kind] = {}
    try:
        try:
            together = _bind(connection, nodes)
        except duckdb.Error:
            together = None  # some part does not bind: go one by one to find it
        for place, node in enumerate(nodes):
            try:
                _check_parts(node, kinds)
                kinds[id(node)] = together[place] if together else _bind(connection, [node])[0]
            except _MismatchError as mismatch:
                return [RuleProblem(path, line_of(node), str(mismatch))]
            except duckdb.Error as error:
                words = str(error).splitlines()[0]
                message = f"expected an expression DuckDB can bind, got {_sql(node)} ({words}); correct it"
                return [RuleProblem(path, line_of(node), message)]
    finally:
        connection.unregister(_TABLE)
    if kinds[id(tree)] is not Kind.BOOLEAN:
        message = (
            f"expected an expression that is true or false, got {kinds[id(tree)]}; "
            "compare it with a threshold (a 1/0 feature with = 1)"
        )
        return [RuleProblem(path, line_of(tree), message)]
    return []


def _bind(connection: Any, nodes: Sequence[exp.Expr]) -> list[Kind]:
    # The text comes from sqlglot's tree of allowed nodes, never from the file as it stands.
    parts = ", ".join(f"({_sql(node)}) AS part_{number}" for number, node in enumerate(nodes))
    rows = connection.execute(f"DESCRIBE SELECT {parts} FROM {_TABLE}").fetchall()  # noqa: S608
    return [kind_of(str(row[1])) for row in rows]


def _check_parts(node: exp.Expr, kinds: dict[int, Kind]) -> None:
    """Check the kinds of the parts of ``node``, which have been bound before it."""
    if isinstance(node, exp.Between):
        _same_kind(node, (node.this, node.args["low"], node.args["high"]), kinds)
    elif isinstance(node, exp.In):
        _same_kind(node, (node.this, *node.expressions), kinds)
    elif isinstance(node, COMPARISONS):
        _same_kind(node, (node.left, node.right), kinds)
    elif isinstance(node, CASTS):
        source, target = kinds[id(node.this)], kind_of(node.to.sql(dialect=DIALECT))
        if source is Kind.TEXT and target is Kind.NUMBER:
            raise _MismatchError(
                f"expected a number to cast, got the text {_sql(node.this)}, which fails on the first row "
                "that is not a number; amount and the features are numbers already"
            )
    elif isinstance(node, _SAME_KIND_FUNCTIONS):
        parts = [node.this, *node.expressions, *([node.expression] if isinstance(node, exp.Nullif) else [])]
        _same_kind(node, parts, kinds)
        if kinds[id(node.this)] is Kind.BOOLEAN:
            raise _MismatchError(
                f"expected values, got the condition {_sql(node.this)}, with which an unknown value "
                "could become a hit; use AND, OR and NOT"
            )
    else:
        _must_be(node, kinds)


def _must_be(node: exp.Expr, kinds: dict[int, Kind]) -> None:
    wanted = {
        CONNECTORS: Kind.BOOLEAN,
        (*ARITHMETIC, *_NUMERIC_FUNCTIONS): Kind.NUMBER,
        (*_TEXT_FUNCTIONS, exp.Like): Kind.TEXT,
        _TIME_FUNCTIONS: Kind.TIME,
    }
    for types, kind in wanted.items():
        if not isinstance(node, types):
            continue
        for part in node.iter_expressions():
            if id(part) in kinds and kinds[id(part)] is not kind:
                raise _MismatchError(
                    f"expected {kind} in {_sql(node)}, got {_sql(part)}, which is {kinds[id(part)]}; "
                    "compare it with a threshold or choose another column"
                )


def _same_kind(node: exp.Expr, parts: Sequence[exp.Expr], kinds: dict[int, Kind]) -> None:
    first = kinds[id(parts[0])]
    for part in parts[1:]:
        if kinds[id(part)] is not first:
            raise _MismatchError(
                f"expected two values of one kind in {_sql(node)}, got {_sql(parts[0])}, which is {first}, "
                f"and {_sql(part)}, which is {kinds[id(part)]}; quote text only, CAST times"
            )


def _sql(node: exp.Expr) -> str:
    return node.sql(dialect=DIALECT, comments=False)
