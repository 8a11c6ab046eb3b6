from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from include.alerts.alert import Severity
from include.rules.errors import RuleSetError
from include.rules.loader import load_rules
from include.rules.rule import Action, Typology

FIRST = 8  # the first line below the header that the ``write`` fixture writes

REFUSED = [
    # expression, line, words the message must have
    ("", 1, "got nothing"),
    ("amount >", FIRST, "does not parse"),
    ("amount > 5\n  AND country = 'DE\n", FIRST, "does not parse"),
    ("amount > 5\nAND (country = 'DE'\n  AND channel <", FIRST + 2, "does not parse"),
    ("amount > 5;", FIRST, "semicolon"),
    ("amount > 5\n; DROP TABLE typed", FIRST + 1, "semicolon"),
    ("SELECT amount > 5", FIRST, "statement"),
    ("DROP TABLE typed", FIRST, "statement"),
    ("INSERT INTO typed VALUES (1)", FIRST, "statement"),
    ("amount > (SELECT 1)", FIRST, "subquery"),
    ("country = 'DE'\nAND amount IN (SELECT 1)", FIRST + 1, "subquery"),
    ("EXISTS (SELECT 1)", FIRST, "subquery"),
    ("count(*) > 3", FIRST, "aggregate"),
    ("amount > 3 AND\nmax(amount) > 3", FIRST + 1, "aggregate"),
    ("sum(amount) OVER () > 3", FIRST, "window"),
    ("row_number() OVER (ORDER BY amount) > 3", FIRST, "window"),
    ("read_csv('/etc/passwd') > 3", FIRST, "functions"),
    ("getenv('HOME') = country", FIRST, "functions"),
    ("current_setting('threads') = country", FIRST, "functions"),
    ("flor(amount) > 3", FIRST, "did you mean floor?"),
    ("random() > 0.5", FIRST, "same answer on every replay"),
    ("amount > 5\nAND occurred_at < now()", FIRST + 1, "same answer on every replay"),
    ("occurred_at < current_timestamp", FIRST, "same answer on every replay"),
    ("CASE WHEN amount > 5 THEN FALSE ELSE TRUE END", FIRST, "unknown value"),
    ("(amount > 5) IS NOT TRUE", FIRST, "IS NULL"),
    ("amount IS DISTINCT FROM 5", FIRST, "got NullSafeNEQ"),
    ("country = NULL", FIRST, "nothing equals NULL"),
    ("coalesce(amount > 5, TRUE)", FIRST, "unknown value"),
    ("typed.amount > 5", FIRST, "bare column name"),
    ("columns('amount') > 5", FIRST, "got columns"),
    ("amount > ?", FIRST, "got Placeholder"),
    ("country = 'DE'\n\nAND amout > 5", FIRST + 2, "did you mean 'amount'?"),
    ("AMOUNT > 5", FIRST, "did you mean 'amount'?"),
    ("zzzzzzzz > 5", FIRST, "feature catalogue"),
    ("amount", FIRST, "true or false, got a number"),
    ("country", FIRST, "true or false, got text"),
    ("amount + 5", FIRST, "true or false, got a number"),
    ("is_new_device AND amount > 5", FIRST, "expected true or false"),
    ("NOT is_new_device", FIRST, "expected true or false"),
    ("channel = 'POS'\nAND country > 5", FIRST + 1, "two values of one kind"),
    ("amount > 'ten'", FIRST, "two values of one kind"),
    ("amount > '10'", FIRST, "two values of one kind"),
    ("country IN (1, 2)", FIRST, "two values of one kind"),
    ("amount BETWEEN 'a' AND 'b'", FIRST, "two values of one kind"),
    ("occurred_at > '2026-01-01'", FIRST, "CAST times"),
    ("(country = 'DE') > 4", FIRST, "two values of one kind"),
    ("amount + country > 4", FIRST, "expected a number in"),
    ("abs(country) > 4", FIRST, "expected a number in"),
    ("lower(amount) = 'x'", FIRST, "expected text in"),
    ("CAST(country AS DOUBLE) > 4", FIRST, "expected a number to cast"),
    ("TRY_CAST('nan' AS DOUBLE) < amount", FIRST, "expected a number to cast"),
    ("substring(amount, 1, 2) = 'x'", FIRST, "DuckDB can bind"),
    ("TRUE", FIRST, "at least one column"),
    ("1 = 1", FIRST, "at least one column"),
    ("(" * 2000 + "amount" + ")" * 2000 + " > 1", FIRST, "at most 1,000 words and signs"),
    ("(" * 450 + "amount" + ")" * 450 + " > 1", FIRST, "nested too deeply"),
]


@pytest.mark.parametrize(("expression", "line", "words"), REFUSED, ids=[case[0][:40] for case in REFUSED])
def test_an_expression_that_is_not_plain_sound_and_boolean_is_refused_with_file_and_line(
    write: Callable[..., Path],
    tmp_path: Path,
    columns: dict[str, Any],
    expression: str,
    line: int,
    words: str,
) -> None:
    path = write("broken", expression)
    with pytest.raises(RuleSetError) as caught:
        load_rules(tmp_path, columns)
    (problem,) = caught.value.problems
    assert problem.path == path
    if expression:
        assert problem.line == line
    assert words in problem.message
    assert problem.message.startswith("expected ")
    assert f"{path}:{problem.line}: " in str(caught.value)


@pytest.mark.parametrize(
    "expression",
    [
        "amount > 5",
        "amount >= 0.5 * account_mean_30d AND is_new_device = 1",
        "amount BETWEEN 9000 AND 9999.99 OR NOT (country IN ('DE', 'FR'))",
        "country LIKE 'D%' AND channel IS NOT NULL",
        "CAST(amount AS DOUBLE) / account_mean_30d > 3",
        "hour(occurred_at) < 6 AND isodow(occurred_at) >= 6",
        "occurred_at > CAST('2026-01-01' AS TIMESTAMPTZ)",
        "coalesce(account_mean_30d, 0) < 10 AND abs(amount - 100) < 1",
        "greatest(account_count_1h, account_small_count_1h) >= 5 -- a remark; with a semicolon",
        "starts_with(lower(country), 'd') AND length(country) = 2",
        "-account_count_1h <= -5",
    ],
)
def test_a_plain_boolean_expression_is_accepted(
    write: Callable[..., Path], tmp_path: Path, columns: dict[str, Any], expression: str
) -> None:
    write("sound", expression)
    assert len(load_rules(tmp_path, columns).rules) == 1


def _header(**changes: str | None) -> str:
    values: dict[str, str | None] = {
        "id": "broken",
        "title": "T",
        "typology": "mule_account",
        "severity": "LOW",
        "owner": "o",
        "version": "1",
        "action": "REVIEW",
    }
    values.update(changes)
    return "".join(f"-- {key}: {value}\n" for key, value in values.items() if value is not None)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (_header(owner=None), 1, "`-- owner: ...`"),
        (_header(owner=""), 5, "`-- owner: ...`"),
        (_header(severity="SEVERE"), 4, "LOW, MEDIUM, HIGH, CRITICAL"),
        (_header(severity="high"), 4, "got 'high'"),
        (_header(typology="mule_acount"), 3, "did you mean mule_account?"),
        (_header(action="BLOCK"), 7, "REVIEW, ALERT"),
        (_header(version="0"), 6, "whole number"),
        (_header(version="1.2"), 6, "whole number"),
        (_header(id="other"), 1, "file's name 'broken'"),
        (_header(ownr="me"), 8, "did you mean 'owner'?"),
        (_header() + "-- owner: me\n", 8, "once"),
        (_header() + "-- a remark without a key\n", 8, "header line"),
        (_header(reason="{amuont} paid"), 8, "did you mean 'amount'?"),
        (_header(reason="{amount paid"), 8, "lone brace"),
    ],
)
def test_a_header_that_does_not_say_what_it_must_is_refused(
    tmp_path: Path, columns: dict[str, Any], text: str, line: int, words: str
) -> None:
    (tmp_path / "broken.sql").write_text(text + "amount > 5\n")
    with pytest.raises(RuleSetError) as caught:
        load_rules(tmp_path, columns)
    (problem,) = caught.value.problems
    assert (problem.line, words in problem.message) == (line, True), problem


def test_every_problem_of_every_file_is_reported_together(
    write: Callable[..., Path], tmp_path: Path, columns: dict[str, Any]
) -> None:
    write("first", "amuont > 5\nAND contry = 'DE'")
    write("second", "now() > occurred_at\nAND count(*) > 3")
    write("sound", "amount > 5")
    (tmp_path / "third.sql").write_text("-- title: only\ncountry > 5\n")
    (tmp_path / "fourth.sql").write_bytes(b"\xff\xfe")
    with pytest.raises(RuleSetError) as caught:
        load_rules(tmp_path, columns)
    found = [(problem.path.name, problem.line) for problem in caught.value.problems]
    assert [line for name, line in found if name == "first.sql"] == [FIRST, FIRST + 1]
    assert [line for name, line in found if name == "second.sql"] == [FIRST, FIRST + 1]
    assert [line for name, line in found if name == "third.sql"] == [1] * 6 + [2]
    assert [line for name, line in found if name == "fourth.sql"] == [1]
    assert found == sorted(found)
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems  # noqa: S301


def test_a_directory_without_rules_is_refused(tmp_path: Path, columns: dict[str, Any]) -> None:
    with pytest.raises(RuleSetError, match="found none"):
        load_rules(tmp_path / "nowhere", columns)


def test_what_the_header_says_is_in_the_rule(tmp_path: Path, columns: dict[str, Any]) -> None:
    text = (
        _header(id="mule")
        + "-- description: One\n--    and two.\n-- reason: {amount} gone\n\namount > 5 -- why\n"
    )
    (tmp_path / "mule.sql").write_text(text)
    (rule,) = load_rules(tmp_path, columns).rules
    assert (rule.rule_id, rule.title, rule.owner, rule.version) == ("mule", "T", "o", 1)
    assert (rule.typology, rule.severity, rule.action) == (
        Typology.MULE_ACCOUNT,
        Severity.LOW,
        Action.REVIEW,
    )
    assert (rule.description, rule.columns, rule.reason_columns) == ("One and two.", ("amount",), ("amount",))


def test_the_version_follows_the_contents_and_nothing_else(
    write: Callable[..., Path], tmp_path: Path, columns: dict[str, Any]
) -> None:
    path = write("b", "amount > 5")
    write("a", "amount > 6")
    before = load_rules(tmp_path, columns)
    text = path.read_bytes()
    path.unlink()
    path.write_bytes(text.replace(b"\n", b"\r\n"))
    assert load_rules(tmp_path, columns).version == before.version
    path.write_bytes(text + b" ")
    assert load_rules(tmp_path, columns).version != before.version


def test_rules_stand_most_severe_first(
    write: Callable[..., Path], tmp_path: Path, columns: dict[str, Any]
) -> None:
    for rule_id, severity in (("a", "LOW"), ("b", "CRITICAL"), ("c", "MEDIUM"), ("d", "CRITICAL")):
        write(rule_id, "amount > 5", severity)
    assert [rule.rule_id for rule in load_rules(tmp_path, columns).rules] == ["b", "d", "c", "a"]


def test_a_rule_set_can_be_sent_to_a_worker(
    write: Callable[..., Path], tmp_path: Path, columns: dict[str, Any]
) -> None:
    write("a", "amount > 5")
    rules = load_rules(tmp_path, columns)
    assert pickle.loads(pickle.dumps(rules)) == rules  # noqa: S301
