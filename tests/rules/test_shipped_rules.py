"""One contract over every rule of the project."""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from include.rules.columns import rule_columns
from include.rules.loader import RULES_DIRECTORY, load_rules
from include.rules.rule import Rule, Typology

EXAMPLES = yaml.safe_load((Path(__file__).parent / "examples.yaml").read_text(encoding="utf-8"))
COLUMNS = rule_columns()
RULES = load_rules(RULES_DIRECTORY, COLUMNS)
every_rule = pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.rule_id)

#: Rules of which a small amount, or one just below a threshold, is a part.
NOT_FOR_LARGE_AMOUNTS = {
    "card_testing_burst",
    "card_testing_merchant",
    "structuring_series",
    "structuring_second",
}


def table_of(*rows: dict[str, Any]) -> Any:
    schema = pa.schema(list(COLUMNS.items()))
    full = []
    for row in rows:
        assert set(row) <= set(COLUMNS), set(row) - set(COLUMNS)
        values = {name: row.get(name) for name in COLUMNS}
        values["amount"] = Decimal(row["amount"]).quantize(Decimal("0.0001"))
        full.append(values)
    return pa.Table.from_pylist(full, schema=schema)


def hit_row(rule_id: str) -> dict[str, Any]:
    return {**EXAMPLES["ordinary"], **EXAMPLES["rules"][rule_id]["hit"]}


def hits_of(*rows: dict[str, Any]) -> list[set[str]]:
    return [{hit.rule_id for hit in hits} for hits in RULES.evaluate(table_of(*rows))]


def test_every_typology_has_a_rule_that_alerts_or_asks_for_review() -> None:
    assert {rule.typology for rule in RULES.rules} == set(Typology)
    assert len(RULES.rules) >= 12


def test_there_are_examples_of_every_rule_and_of_no_other() -> None:
    assert set(EXAMPLES["rules"]) == {rule.rule_id for rule in RULES.rules}


@every_rule
def test_it_says_whose_it_is_and_why_it_is_there(rule: Rule) -> None:
    assert rule.owner
    assert len(rule.description) > 40
    assert rule.reason_columns
    assert rule.thresholds


@every_rule
def test_it_hits_its_example_and_says_so_in_words(rule: Rule) -> None:
    (hits,) = RULES.evaluate(table_of(hit_row(rule.rule_id)))
    reasons = {hit.rule_id: hit.reason for hit in hits}
    assert rule.rule_id in reasons
    assert reasons[rule.rule_id].startswith(f"{rule.title}: ")
    assert "unknown" not in reasons[rule.rule_id]


@every_rule
def test_it_does_not_hit_its_counter_example(rule: Rule) -> None:
    row = hit_row(rule.rule_id) | EXAMPLES["rules"][rule.rule_id]["miss"]
    assert rule.rule_id not in hits_of(row)[0]


@every_rule
@pytest.mark.parametrize("unknown", [None, math.nan])
def test_it_needs_every_feature_it_names(rule: Rule, unknown: float | None) -> None:
    features = [name for name in rule.columns if pa.types.is_floating(COLUMNS[name])]
    assert features
    row = hit_row(rule.rule_id)
    hits = hits_of(*(row | {name: unknown} for name in features))
    assert [name for name, found in zip(features, hits, strict=True) if rule.rule_id in found] == []


def test_an_ordinary_payment_hits_nothing() -> None:
    assert hits_of(EXAMPLES["ordinary"]) == [set()]


def test_the_first_payment_of_an_account_hits_nothing() -> None:
    first = {name: 0 for name in COLUMNS if name.startswith("account_") and name != "account_id"}
    first |= {name: math.nan for name in first if "_mean_" in name or "_max_" in name}
    first |= {"is_new_counterparty": 1, "is_new_device": 1, "is_new_country": 1}
    row = {name: EXAMPLES["ordinary"][name] for name in ("currency", "country")}
    payments = [
        {**row, **first, "amount": "2500", "transaction_type": kind, "channel": channel}
        for kind in ("CARD_PAYMENT", "TRANSFER", "DEPOSIT")
        for channel in ("POS", "ONLINE", "MOBILE")
    ]
    assert hits_of(*payments) == [set()] * len(payments)


@settings(max_examples=20, deadline=None)
@given(factor=st.floats(1, 1e6))
def test_raising_an_amount_never_lowers_the_hits_of_a_rule_for_large_amounts(factor: float) -> None:
    rows = [hit_row(rule.rule_id) for rule in RULES.rules]
    raised = []
    for row in rows:
        scaled = {name: row[name] * factor for name in row if name.startswith("amount_")}
        raised.append(row | scaled | {"amount": Decimal(row["amount"]) * Decimal(factor)})
    for before, after in zip(hits_of(*rows), hits_of(*raised), strict=True):
        assert before - NOT_FOR_LARGE_AMOUNTS <= after


def test_only_the_rules_known_for_it_put_a_ceiling_on_the_amount() -> None:
    with_ceiling = {
        rule.rule_id
        for rule in RULES.rules
        for threshold in rule.thresholds
        if threshold.column.startswith("amount") and threshold.operator not in (">", ">=")
    }
    assert with_ceiling == NOT_FOR_LARGE_AMOUNTS
