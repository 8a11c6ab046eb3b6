from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from include.rules.reasons import Value, evidence_parted, show
from include.rules.ruleset import RuleSet


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (12.0, "12"),
        (Decimal("9500.0000"), "9500"),
        (Decimal("9500.5000"), "9500.50"),
        (3.14159, "3.14"),
        (0.04567, "0.0457"),
        (0.0, "0"),
        (-2.5, "-2.50"),
        (1e9, "1000000000"),
        (math.nan, "unknown"),
        (None, "unknown"),
        ("DE", "DE"),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2026-01-02T03:04:00+00:00"),
    ],
)
def test_values_are_shown_as_a_clerk_reads_them(value: Value, shown: str) -> None:
    assert show(value) == shown


@pytest.mark.parametrize(
    ("expression", "evidence"),
    [
        ("account_count_1h > 3", "account_count_1h = 5, threshold > 3"),
        ("3 <= account_count_1h", "account_count_1h = 5, threshold >= 3"),
        ("account_count_1h > -3", "account_count_1h = 5, threshold > -3"),
        ("account_count_1h BETWEEN 4 AND 6", "account_count_1h = 5, threshold between 4 and 6"),
        (
            "account_count_1h >= 4 AND account_count_1h < 6",
            "account_count_1h = 5, threshold >= 4 and < 6",
        ),
        ("account_count_1h >= 9 OR account_count_1h >= 4", "account_count_1h = 5, threshold >= 4"),
        ("NOT (account_count_1h > 7)", "account_count_1h = 5"),
        ("account_count_1h = 5 AND country = 'DE'", "account_count_1h = 5; country = DE"),
        ("amount > 2 * account_count_1h", "amount = 20; account_count_1h = 5"),
        ("amount > 0.5", "amount = 20, threshold > 0.5"),
    ],
)
def test_the_evidence_names_every_column_and_the_thresholds_that_hold(
    ruleset: Callable[..., RuleSet], rows: Callable[..., Any], expression: str, evidence: str
) -> None:
    ((hit,),) = ruleset(expression).evaluate(rows(amount=[20], account_count_1h=[5], country=["DE"]))
    assert hit.reason == f"A title ({evidence})"


@pytest.mark.parametrize(
    ("reason", "words", "evidence"),
    [
        ("Fast (a = 1, threshold >= 1; b = 2)", "Fast", ("a = 1, threshold >= 1", "b = 2")),
        ("Fast: in (RO) (name = x (y))", "Fast: in (RO)", ("name = x (y)",)),
        ("In the night (UTC)", "In the night (UTC)", ()),
        ("No brackets", "No brackets", ()),
        ("", "", ()),
    ],
)
def test_evidence_is_parted_from_words(reason: str, words: str, evidence: tuple[str, ...]) -> None:
    assert evidence_parted(reason) == (words, evidence)
