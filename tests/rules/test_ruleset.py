from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.alerts.alert import Severity
from include.rules import engine
from include.rules.errors import RuleTableError
from include.rules.loader import load_rules
from include.rules.rule import Action, Typology
from include.rules.ruleset import RuleSet

Rows = Callable[..., Any]
Build = Callable[..., RuleSet]
UNKNOWN = [None, math.nan, math.inf, -math.inf]


def ids(hits: list[tuple[Any, ...]]) -> list[tuple[str, ...]]:
    return [tuple(hit.rule_id for hit in row) for row in hits]


def test_a_hit_carries_rule_and_reason(
    write: Callable[..., Path], tmp_path: Path, columns: dict[str, Any], rows: Rows
) -> None:
    write(
        "testing",
        "account_small_count_1h >= 5 AND amount <= 5",
        extra="-- reason: {account_small_count_1h} small payments, now {amount} {currency}\n",
    )
    table = rows(amount=[1, 1.25, 80], account_small_count_1h=[4, 12, 12], currency=["EUR", "EUR", "EUR"])
    first, second, third = load_rules(tmp_path, columns).evaluate(table)
    assert (first, third) == ((), ())
    (hit,) = second
    assert (hit.rule_id, hit.severity, hit.typology, hit.action) == (
        "testing",
        Severity.HIGH,
        Typology.CARD_TESTING,
        Action.ALERT,
    )
    assert hit.reason == (
        "A title: 12 small payments, now 1.25 EUR "
        "(account_small_count_1h = 12, threshold >= 5; amount = 1.25, threshold <= 5)"
    )


def test_the_hits_are_those_a_reference_in_pandas_finds(ruleset: Build, rows: Rows) -> None:
    rules = ruleset(
        "amount >= 100.5",
        "account_count_1h > 3 AND country = 'DE'",
        "account_count_1h <= 2 OR NOT (amount < 50)",
        "CAST(amount AS DOUBLE) / account_mean_30d >= 2 AND country IN ('DE', 'FR')",
        "amount BETWEEN 20 AND 60 AND country <> 'DE'",
    )
    rng = np.random.default_rng(5)
    n = 5_000  # more than DuckDB takes at a time
    cents = rng.integers(1, 20_000, n)
    count = np.where(rng.random(n) < 0.2, np.nan, rng.integers(0, 6, n))
    mean = np.where(rng.random(n) < 0.2, np.nan, rng.integers(0, 90, n))
    country = rng.choice(np.array(["DE", "FR", "IT", None], dtype=object), n)
    table = rows(
        amount=[Decimal(int(c)) / 100 for c in cents],
        account_count_1h=count.tolist(),
        account_mean_30d=mean.tolist(),
        country=country.tolist(),
    )
    frame = pd.DataFrame({"amount": cents / 100, "count": count, "mean": mean, "country": country})
    known = frame["country"].notna()
    # pandas compares NaN as false, which is what "never hits" means where nothing is negated.
    expected = {
        "a": frame["amount"] >= 100.5,
        "b": (frame["count"] > 3) & (frame["country"] == "DE"),
        "c": (frame["count"] <= 2) | (frame["amount"] >= 50),
        "d": (frame["amount"] >= 2 * frame["mean"])
        & (frame["mean"] > 0)
        & frame["country"].isin(["DE", "FR"]),
        "e": frame["amount"].between(20, 60) & known & (frame["country"] != "DE"),
    }
    found = rules.evaluate(table)
    for rule_id, mask in expected.items():
        assert [any(hit.rule_id == rule_id for hit in row) for row in found] == mask.tolist(), rule_id
        assert 50 < mask.sum() < n - 50


@pytest.mark.parametrize("value", UNKNOWN)
@pytest.mark.parametrize(
    "expression",
    [
        "account_count_1h > 5",
        "account_count_1h >= 5",
        "account_count_1h < 5",
        "account_count_1h <= 5",
        "account_count_1h = 5",
        "account_count_1h <> 5",
        "NOT (account_count_1h > 5)",
        "NOT (account_count_1h < 5)",
        "account_count_1h BETWEEN 0 AND 5",
        "account_count_1h NOT BETWEEN 0 AND 5",
        "account_count_1h IN (1, 5)",
        "account_count_1h NOT IN (1, 5)",
        "account_count_1h = account_count_1h",
        "amount > account_count_1h",
        "amount < account_count_1h",
        "amount > 2 * account_count_1h - 1",
        "abs(account_count_1h) > 1",
        "account_count_1h > 5 OR account_count_1h <= 5",
        "greatest(account_count_1h, account_count_1h) > 1",
    ],
)
def test_an_unknown_value_never_hits(
    ruleset: Build, rows: Rows, expression: str, value: float | None
) -> None:
    assert ruleset(expression).evaluate(rows(amount=[3], account_count_1h=[value])) == [()]


@pytest.mark.parametrize("zero", [0.0, -0.0])
@pytest.mark.parametrize(
    "expression",
    [
        "account_mean_30d / account_count_1h > 3",
        "NOT (account_mean_30d / account_count_1h < 3)",
        "amount / account_count_1h > 3",
        "account_mean_30d % account_count_1h <> 7",
        "CAST(amount AS INTEGER) // CAST(account_count_1h AS INTEGER) > 3",
    ],
)
def test_a_division_by_zero_never_hits(ruleset: Build, rows: Rows, expression: str, zero: float) -> None:
    for mean in (0.0, 100.0):
        table = rows(amount=[100], account_mean_30d=[mean], account_count_1h=[zero])
        assert ruleset(expression).evaluate(table) == [()]


def test_whether_a_value_is_known_can_be_asked(ruleset: Build, rows: Rows) -> None:
    rules = ruleset("account_count_1h IS NULL AND amount > 2", "account_count_1h IS NOT NULL")
    table = rows(amount=[3, 3, 3], account_count_1h=[math.nan, None, 1.0])
    assert ids(rules.evaluate(table)) == [("a",), ("a",), ("b",)]
    assert "account_count_1h = unknown" in rules.evaluate(table)[0][0].reason


def test_a_row_on_which_the_arithmetic_fails_stops_neither_the_others_nor_the_other_rules(
    ruleset: Build, rows: Rows
) -> None:
    rules = ruleset("CAST(account_count_1h AS TINYINT) > 3", "amount > 2")
    table = rows(amount=[3, 3, 1], account_count_1h=[1e9, 5, 5])
    assert ids(rules.evaluate(table)) == [("b",), ("a", "b"), ("a",)]


def test_amounts_are_compared_as_decimals(ruleset: Build, rows: Rows) -> None:
    table = rows(amount=["9999.9999", "10000.0000", "99999999999999.9999"])
    assert ids(ruleset("amount < 10000", "amount >= 10000").evaluate(table)) == [("a",), ("b",), ("b",)]


def test_no_rows_no_hits(ruleset: Build, rows: Rows) -> None:
    assert ruleset("amount > 2").evaluate(rows(amount=[])) == []


def test_other_columns_and_other_widths_of_a_type_do_not_matter(ruleset: Build) -> None:
    table = pa.table(
        {
            "country": pa.array(["DE"], pa.large_string()),
            "account_count_1h": pa.array([4], pa.int32()),
            "surprise": [object.__name__],
        }
    )
    assert ids(ruleset("country = 'DE' AND account_count_1h > 3").evaluate(table)) == [("a",)]


def test_a_missing_column_and_a_wrong_type_are_refused_by_name(ruleset: Build) -> None:
    rules = ruleset("country = 'DE' AND account_count_1h > 3")
    with pytest.raises(RuleTableError, match="account_count_1h did not come"):
        rules.evaluate(pa.table({"country": ["DE"]}))
    with pytest.raises(RuleTableError, match="cast the table"):
        rules.evaluate(pa.table({"country": ["DE"], "account_count_1h": ["many"]}))


def test_the_table_stays_as_it_was(ruleset: Build, rows: Rows) -> None:
    table, again = (rows(amount=[3], account_count_1h=[math.inf]) for _ in range(2))
    ruleset("account_count_1h > 2").evaluate(table)
    assert table.equals(again)


def test_the_values_of_a_transaction_are_never_read_as_sql_or_as_placeholders(
    write: Callable[..., Path], tmp_path: Path, columns: dict[str, Any], rows: Rows
) -> None:
    nasty = "'; DROP TABLE incoming; -- {amount}"
    write("a", "amount > 2", extra="-- reason: from {country}\n")
    ((hit,),) = load_rules(tmp_path, columns).evaluate(rows(amount=[3], country=[nasty]))
    assert hit.reason == f"A title: from {nasty} (amount = 3, threshold > 2)"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_order_of_the_rows_does_not_matter(ruleset: Build, rows: Rows, data: st.DataObject) -> None:
    rules = ruleset("amount > 2 AND country = 'DE'", "account_count_1h >= 2 OR amount > 4")
    value = st.one_of(st.floats(0, 5), st.sampled_from(UNKNOWN))
    row = st.tuples(st.integers(1, 6), st.sampled_from(["DE", "FR", None]), value)
    before = data.draw(st.lists(row, min_size=1, max_size=12))
    order = data.draw(st.permutations(range(len(before))))

    def table_of(chosen: list[tuple[int, str | None, float | None]]) -> Any:
        amounts, countries, counts = zip(*chosen, strict=True)
        return rows(amount=list(amounts), country=list(countries), account_count_1h=list(counts))

    whole = rules.evaluate(table_of(before))
    assert rules.evaluate(table_of([before[i] for i in order])) == [whole[i] for i in order]
    # Nor does what else is in the batch.
    assert [rules.evaluate(table_of([one]))[0] for one in before] == whole


def test_threads_do_not_disturb_each_other(ruleset: Build, rows: Rows) -> None:
    rules = ruleset("amount > 50")
    barrier = threading.Barrier(4)

    def work(offset: int) -> bool:
        barrier.wait()
        amounts = [offset + i for i in range(1, 60)]
        for _ in range(5):
            if [bool(hits) for hits in rules.evaluate(rows(amount=amounts))] != [a > 50 for a in amounts]:
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, (0, 10, 20, 30)))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO 'gone.csv'",
        "ATTACH 'gone.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET threads = 4",
        "SELECT * FROM outside",
    ],
)
def test_the_connection_has_no_way_out_and_its_settings_are_locked(statement: str) -> None:
    import duckdb

    outside = pa.table({"secret": [1]})
    with pytest.raises(duckdb.Error):
        engine.connection().execute(statement)
    assert outside.num_rows == 1
