"""Loads a directory of rules: all of them sound, or every problem at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlglot import exp

from include.alerts.alert import Severity
from include.rules.binding import check_types
from include.rules.columns import Columns
from include.rules.errors import RuleProblem, RuleSetError
from include.rules.expression import DIALECT, parse, unknown_column
from include.rules.header import Header, split_header
from include.rules.rule import Action, Rule, Typology
from include.rules.ruleset import RuleSet
from include.rules.thresholds import thresholds_of

#: Where the project's own rules are.
RULES_DIRECTORY = Path(__file__).resolve().parents[1] / "sql" / "rules"


def rule_files(directory: Path) -> list[Path]:
    """Rule files of a directory, sorted by name."""
    return sorted(directory.glob("*.sql"))


def load_rules(directory: Path, columns: Columns) -> RuleSet:
    """Load and check every ``*.sql`` file in ``directory``.

    Parameters
    ----------
    directory
        Not searched below its own level.
    columns
        Column name → Arrow type of everything a rule may name; see ``include.rules.columns.rule_columns``.

    Raises
    ------
    RuleSetError
        With every problem of every file.
    """
    files = rule_files(directory)
    if not files:
        message = "expected at least one rule file *.sql here, found none; check the path of the rules"
        raise RuleSetError([RuleProblem(directory, 1, message)])
    rules: list[Rule] = []
    problems: list[RuleProblem] = []
    digests: list[bytes] = []
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(
                RuleProblem(path, 1, f"expected a readable UTF-8 file, got {error}; save it as UTF-8")
            )
            continue
        digests.append(hashlib.sha256(text.encode()).digest())
        rule, found = _read_rule(path, text, columns)
        problems.extend(found)
        if rule is not None:
            rules.append(rule)
    if problems:
        raise RuleSetError(problems)
    version = hashlib.sha256(b"".join(sorted(digests))).hexdigest()[:12]
    return rule_set(rules, version, columns)


def rule_set(rules: Iterable[Rule], version: str, columns: Columns) -> RuleSet:
    """Checked rules as a set, most severe first, then by id."""
    ordered = sorted(rules, key=lambda rule: (-rule.severity.rank, rule.rule_id))
    return RuleSet(tuple(ordered), version, pa.schema(list(columns.items())))


def check_rule(text: str, columns: Columns) -> Rule:
    """Check the text of one rule file that need not be in a folder; its name is taken from its id.

    A text is checked once a process: of a changed set only what is new costs time.

    Raises
    ------
    RuleSetError
        With every problem of the text.
    """
    return _checked(text, tuple(columns.items()))


@lru_cache(maxsize=2_000)
def _checked(text: str, columns: tuple[tuple[str, Any], ...]) -> Rule:
    rule_id = rule_id_of(text)
    rule, problems = _read_rule(Path(f"{rule_id or 'rule'}.sql"), text, dict(columns))
    if rule is None:
        raise RuleSetError(problems)
    return rule


def rule_id_of(text: str) -> str:
    """The id a rule's text gives itself, checked or not; empty if there is none."""
    return split_header(Path("rule.sql"), text)[0].values.get("id", "")


def _read_rule(path: Path, text: str, columns: Columns) -> tuple[Rule | None, list[RuleProblem]]:
    header, body, problems = split_header(path, text)
    problems.extend(
        RuleProblem(path, header.lines["reason"], unknown_column(name, columns))
        for name in header.placeholders
        if name not in columns
    )
    tree, found = parse(path, body, columns)
    problems.extend(found)
    if tree is not None:
        problems.extend(check_types(path, tree, columns))
    if problems or tree is None:
        return None, problems
    return _rule(header, tree), []


def _rule(header: Header, tree: exp.Expr) -> Rule:
    values = header.values
    names = [column.name for column in tree.walk(bfs=False) if isinstance(column, exp.Column)]
    return Rule(
        rule_id=values["id"],
        title=values["title"],
        typology=Typology(values["typology"]),
        severity=Severity(values["severity"]),
        owner=values["owner"],
        version=int(values["version"]),
        action=Action(values["action"]),
        description=values.get("description", ""),
        reason=values.get("reason", ""),
        sql=_guard_divisors(tree).sql(dialect=DIALECT, comments=False),
        columns=tuple(dict.fromkeys(names)),
        reason_columns=header.placeholders,
        thresholds=thresholds_of(tree),
    )


def _guard_divisors(tree: exp.Expr) -> exp.Expr:
    """Make division by zero give NULL; DuckDB gives infinity or NaN, which would count as large."""

    def guard(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Div | exp.IntDiv | exp.Mod):
            node.set("expression", exp.Nullif(this=node.expression.copy(), expression=exp.Literal.number(0)))
        return node

    return tree.copy().transform(guard)
