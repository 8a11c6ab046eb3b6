"""Parses a rule's expression and refuses everything that is not on the allow list.

The list names what is allowed, so that a construct nobody thought of is refused. Left out on purpose:
CASE, IF, IS TRUE, IS DISTINCT FROM and the like, with which an unknown value (NULL, NaN) could become a hit.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from include.rules.errors import RuleProblem

DIALECT = "duckdb"

#: Words and signs of an expression. Each part is checked by itself, so a long one would keep everybody waiting.
MOST_TOKENS = 1_000

#: Functions a rule may call, by the class sqlglot gives them.
FUNCTIONS: dict[type[exp.Expr], str] = {
    exp.Abs: "abs",
    exp.Ceil: "ceil",
    exp.Floor: "floor",
    exp.Round: "round",
    exp.Greatest: "greatest",
    exp.Least: "least",
    exp.Coalesce: "coalesce",
    exp.Nullif: "nullif",
    exp.Lower: "lower",
    exp.Upper: "upper",
    exp.Length: "length",
    exp.Substring: "substring",
    exp.StartsWith: "starts_with",
    exp.Contains: "contains",
    exp.Hour: "hour",
    exp.DayOfWeekIso: "isodow",
}

CONNECTORS = (exp.And, exp.Or, exp.Not)
COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg)
CASTS = (exp.Cast, exp.TryCast)

_ALLOWED: frozenset[type[exp.Expr]] = frozenset(
    {
        *FUNCTIONS,
        *CONNECTORS,
        *COMPARISONS,
        *ARITHMETIC,
        *CASTS,
        exp.Between,
        exp.In,
        exp.Is,
        exp.Like,
        exp.Column,
        exp.Identifier,
        exp.Literal,
        exp.Boolean,
        exp.Null,
        exp.Paren,
        exp.DataType,
        exp.DataTypeParam,
    }
)
_VOLATILE = (exp.Rand, exp.Randn, exp.Uuid, exp.CurrentTimestamp, exp.CurrentDate, exp.CurrentTime)
_VOLATILE_NAMES = frozenset(
    {"NOW", "TODAY", "RANDOM", "SETSEED", "NEXTVAL", "CURRVAL", "TRANSACTION_TIMESTAMP"}
)
_STATEMENTS = (exp.Query, exp.DDL, exp.DML, exp.Command, exp.Drop, exp.Set, exp.Pragma, exp.Attach, exp.Copy)


def line_of(node: exp.Expr, default: int = 1) -> int:
    """Line of the file on which ``node`` starts; sqlglot keeps positions on the leaves only."""
    lines = [child.meta["line"] for child in node.walk() if "line" in child.meta]
    return min(lines, default=default)


def parse(path: Path, body: str, columns: Iterable[str]) -> tuple[exp.Expr | None, list[RuleProblem]]:
    """Parse the expression of a rule file.

    Parameters
    ----------
    path
        For the problems' sake.
    body
        The expression, preceded by as many empty lines as the header had.
    columns
        The columns it may name.

    Returns
    -------
    tuple
        The tree, or None with at least one problem.
    """
    first = 1 + len(body) - len(body.lstrip("\n"))
    trees, problems = _trees(path, body, first)
    if problems:
        return None, problems
    tree = trees[0]
    problems.extend(_refusals(path, tree, first))
    if not problems:
        problems.extend(_unknown_columns(path, tree, list(columns)))
    if not problems and tree.find(exp.Column) is None:
        problems.append(
            RuleProblem(
                path,
                line_of(tree, first),
                f"expected an expression over at least one column, got {_show(tree)}, "
                "which hits everything or nothing; compare a column with a threshold",
            )
        )
    return (None if problems else tree), problems


def _trees(path: Path, body: str, first: int) -> tuple[list[exp.Expr], list[RuleProblem]]:
    """All statements in ``body``, or why there is not exactly one."""

    def problem(line: int, message: str) -> tuple[list[exp.Expr], list[RuleProblem]]:
        return [], [RuleProblem(path, line, message)]

    try:
        tokens = sqlglot.tokenize(body, dialect=DIALECT)
        if len(tokens) > MOST_TOKENS:
            return problem(
                first,
                f"expected an expression a person can read, of at most {MOST_TOKENS:,} words and signs, got "
                f"{len(tokens):,}; split the rule",
            )
        for token in tokens:
            if token.token_type.name == "SEMICOLON":
                return problem(
                    token.line, "expected one expression, got a semicolon; remove it and what follows"
                )
        trees = [tree for tree in sqlglot.parse(body, dialect=DIALECT) if tree is not None]
    except SqlglotError as error:
        details = getattr(error, "errors", None) or [{}]
        what = details[0].get("description") or str(error).splitlines()[0]
        near = details[0].get("highlight")
        where = f" near {near!r}" if near else ""
        return problem(
            details[0].get("line") or first,
            f"expected one SQL boolean expression, got text that does not parse{where} ({what.rstrip('.')}); "
            "correct the syntax",
        )
    except RecursionError:
        return problem(
            first, "expected an expression a person can read, got one nested too deeply; split the rule"
        )
    if not trees:
        return problem(
            first, "expected a SQL boolean expression below the header, got nothing; write the condition"
        )
    return trees, []


def _refusals(path: Path, tree: exp.Expr, first: int) -> Iterator[RuleProblem]:
    # Below a refused node everything is refused too: only its top is reported.
    refused = [node for node in tree.walk(prune=lambda node: not _allowed(node)) if not _allowed(node)]
    for node in refused:
        yield RuleProblem(path, line_of(node, first), _refusal(node))


def _allowed(node: exp.Expr) -> bool:
    if type(node) not in _ALLOWED:
        return False
    match node:
        case exp.Column():
            return isinstance(node.this, exp.Identifier) and not node.table
        case exp.In():
            return bool(node.expressions)
        case exp.Is():
            return isinstance(node.this, exp.Column) and isinstance(node.expression, exp.Null)
        case exp.Null():
            return isinstance(node.parent, exp.Is)
        case _:
            return True


def _refusal(node: exp.Expr) -> str:
    shown = _show(node)
    match node:
        case exp.Subquery() | exp.Exists() | exp.In():
            return f"expected a plain expression, got a subquery in {shown}; use the features of the row"
        case _ if isinstance(node, _STATEMENTS):
            return f"expected an expression, got the statement {shown}; keep only the condition"
        case exp.Window():
            return f"expected a plain expression, got the window function {shown}; use one of the features"
        case exp.AggFunc():
            return (
                f"expected a plain expression, got the aggregate {shown}; use one of the account_… features"
            )
        case _ if isinstance(node, _VOLATILE) or node.name.upper() in _VOLATILE_NAMES:
            return (
                f"expected an expression that gives the same answer on every replay, got {shown}; "
                "use occurred_at or a feature"
            )
        case exp.Is():
            return f"expected IS NULL or IS NOT NULL of a column, got {shown}; write the comparison itself"
        case exp.Null():
            return "expected a value, got NULL; nothing equals NULL, write IS NULL or IS NOT NULL"
        case exp.Column():
            return f"expected a bare column name, got {shown}; leave the table out"
        case exp.Case() | exp.If():
            return f"expected AND, OR and NOT, got {shown}, with which an unknown value could become a hit"
        case exp.Func():
            name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
            allowed = sorted(FUNCTIONS.values())
            guess = difflib.get_close_matches(name, allowed, n=1)
            hint = f"; did you mean {guess[0]}?" if guess else "; do without it or ask for it to be added"
            return f"expected one of the functions {', '.join(allowed)}, got {name}{hint}"
        case _:
            return (
                f"expected columns, constants, comparisons, arithmetic, AND, OR, NOT, IN, BETWEEN, LIKE, "
                f"got {type(node).__name__} in {shown}; write it with these"
            )


def _unknown_columns(path: Path, tree: exp.Expr, known: list[str]) -> Iterator[RuleProblem]:
    names = set(known)
    for column in tree.find_all(exp.Column):
        if column.name not in names:
            yield RuleProblem(path, line_of(column), unknown_column(column.name, known))


def unknown_column(name: str, known: Iterable[str]) -> str:
    """Words for a column that does not exist, with the nearest one that does."""
    guess = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.5)
    hint = f"did you mean {guess[0]!r}?" if guess else "see the transaction schema and the feature catalogue"
    return f"expected a column of the transaction or a feature, got {name!r}; {hint}"


def _show(node: exp.Expr) -> str:
    text = node.sql(dialect=DIALECT, comments=False)
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`"
