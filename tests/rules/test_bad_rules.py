"""Rule files full of nonsense, and those meant to do harm: refused with file and line, never run."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.rules.columns import rule_columns
from include.rules.errors import RuleSetError
from include.rules.loader import RULES_DIRECTORY, check_rule, load_rules
from include.rules.rule import Rule
from tests.fuzzing import fuzzed
from tests.nonsense import mangled, texts

COLUMNS = rule_columns()
FILES = sorted(RULES_DIRECTORY.glob("*.sql"))
HEADER = FILES[0].read_text().split("is_new_device")[0]

HOSTILE = (
    "amount > 1; DROP TABLE x", "amount > (SELECT 1)", "EXISTS (SELECT 1)", "amount IN (SELECT amount FROM typed)",
    "read_csv('/etc/passwd') IS NULL", "getenv('HOME') = 'x'", "amount > 1 UNION SELECT true", "COPY typed TO '/tmp/x'",
    "ATTACH '/tmp/x.db'", "INSTALL httpfs", "PRAGMA database_list", "SET memory_limit='1GB'", "amount > random()",
    "now() > occurred_at", "pg_sleep(10) IS NULL", "regexp_matches(account_id, '(a+)+$')",
    "list_transform([1], x->x)",
    "amount > 1 -- \n; DELETE FROM x", "repeat('x', 1000000000) = account_id", "sum(amount) > 1", "count(*) > 1",
    "lag(amount) OVER () > 1", "amount > ANY (SELECT 1)", "CASE WHEN amount > 1 THEN true ELSE true END",
    "system('id')=1",
    "amount > 1 /* x */ OR 1=1", "'x' || 'y' = account_id", "$1 = amount", "? = amount", "typed.amount > 1", "* > 1",
    "account_id LIKE '%' ESCAPE 'x'", "amount::JSON IS NULL", "CAST(account_id AS DOUBLE) > 1", "amount > 10**400",
    "amount > 1e999", "amount / 0 > 'x'", "TRUE", "1 = 1", "NULL", "amount", "", "(" * 3_000,
    "NOT " * 3_000 + "amount > 1",
    "amount > 1 AND " * 3_000 + "amount > 1", "amount > " + "9" * 5_000, "amount > '\x00'", "a\u202emount > 1",
)  # fmt: skip


def judged(text: str) -> Rule | None:
    try:
        return check_rule(text, COLUMNS)
    except RuleSetError as refused:
        problems = refused.problems
    assert problems
    assert all(one.line > 0 and ("expected" in one.message) for one in problems), problems
    return None


@pytest.mark.parametrize("condition", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_meant_to_do_harm_is_refused_or_harmless(condition: str) -> None:
    rule = judged(HEADER + condition)
    if rule is not None:
        # What is left of it is an expression over columns, printed anew by the parser.
        assert ";" not in rule.sql
        assert "SELECT" not in rule.sql.upper()
        assert set(rule.columns) <= set(COLUMNS)


@fuzzed(150)
@given(text=st.sampled_from(FILES).flatmap(lambda path: mangled(path.read_bytes())))
def test_broken_texts(text: bytes) -> None:
    judged(text.decode("utf-8", "surrogateescape"))


@fuzzed(100)
@given(line=st.integers(0, 9), value=texts)
def test_headers_that_say_something_else(line: int, value: str) -> None:
    lines = FILES[0].read_text().split("\n")
    lines[line] = f"{lines[line].partition(':')[0]}: {value}"
    judged("\n".join(lines))


@fuzzed(60)
@given(content=mangled(FILES[0].read_bytes()))
def test_broken_files(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder: Path = tmp_path_factory.mktemp("rules")
    (folder / FILES[0].name).write_bytes(content)
    try:
        load_rules(folder, COLUMNS)
    except RuleSetError as refused:
        words = str(refused)
    else:
        return
    assert FILES[0].name in words
