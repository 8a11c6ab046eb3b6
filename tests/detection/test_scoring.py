from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.detection.errors import ScoringError
from include.detection.scored import scored_schema
from include.detection.scoring import score_batch

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def batch(fresh, make):
    features = fresh.features.slice(0, 600)
    return make.transactions(features), features


@pytest.fixture(scope="module")
def scored(batch, bundle, make):
    return score_batch(*batch, bundle, make.rules(), NOW)


def test_the_schema_is_the_contract(scored, make):
    assert scored.schema.equals(scored_schema(make.names))
    assert scored["level"].unique().to_pylist() == ["FULL"]
    assert scored["scored_at"].unique().to_pylist() == [NOW]


def test_rows_keep_their_order_and_values(scored, batch):
    transactions, features = batch
    assert scored.select(transactions.column_names).equals(transactions)
    np.testing.assert_array_equal(
        scored["features"].combine_chunks().field("is_new_device").to_numpy(zero_copy_only=False),
        features["is_new_device"].to_numpy(),
    )


def test_flagged_rows_are_explained_and_others_are_not(scored):
    rows = scored.to_pylist()
    assert {row["decision"] for row in rows} == {"ALLOW", "REVIEW", "ALERT"}
    for row in rows:
        if row["decision"] == "ALLOW":
            assert (row["reasons"], row["contributions"], row["typology"]) == ([], None, "")
        else:
            assert row["reasons"]
            assert row["typology"]
            assert 0 < len(json.loads(row["contributions"])) <= 5


def test_rule_reasons_come_first(scored):
    hit = [row for row in scored.to_pylist() if row["rule_hits"]]
    assert hit
    assert all(row["reasons"][0] == "because of rule" and row["decision"] == "ALERT" for row in hit)


def test_fraud_scores_above_the_rest(scored, fresh):
    labels = fresh.labels[:600]
    scores = scored["score"].to_numpy()
    assert np.median(scores[labels]) > np.quantile(scores[~labels], 0.95)


def test_contributions_name_what_was_changed(bundle, make):
    features = make.world(50, seed=3).features
    amounts = features["amount_value"].to_numpy().copy()
    amounts[0] = 4_000.0
    features = features.set_column(0, "amount_value", pa.array(amounts))
    row = score_batch(make.transactions(features), features, bundle, make.rules(), NOW).to_pylist()[0]
    assert row["decision"] == "ALERT"
    assert next(iter(json.loads(row["contributions"]))) == "amount_value"
    assert any("4,000.00" in reason for reason in row["reasons"])


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(1, 599), max_size=4))
def test_pieces_score_as_the_whole(batch, bundle, make, scored, cuts):
    edges = sorted({0, 600, *cuts})
    pieces = [
        score_batch(*(table.slice(a, b - a) for table in batch), bundle, make.rules(), NOW)
        for a, b in pairwise(edges)
    ]
    whole, parts = scored.to_pylist(), pa.concat_tables(pieces).to_pylist()
    for row in (*whole, *parts):
        row["features"] = repr(row["features"])  # NaN is not equal to itself
    assert parts == whole


def test_inputs_are_untouched(batch, bundle, make):
    before = [table.to_pydict() for table in batch]
    score_batch(*batch, bundle, make.rules(), NOW)
    assert [repr(table.to_pydict()) for table in batch] == [repr(table) for table in before]


def test_without_a_model_the_rules_speak_alone(batch, make):
    scored = score_batch(*batch, None, make.rules(), NOW)
    assert scored.schema.equals(scored_schema(make.names))
    rows = scored.to_pylist()
    assert {row["level"] for row in rows} == {"RULES_ONLY"}
    assert {row["score"] for row in rows} == {row["score_one_class_svm"] for row in rows} == {None}
    assert {row["decision"] for row in rows} == {"ALLOW", "ALERT"}
    assert all(row["reasons"] == ["because of rule"] for row in rows if row["decision"] == "ALERT")


def test_an_empty_batch(batch, bundle, make):
    empty = [table.slice(0, 0) for table in batch]
    for model in (bundle, None):
        scored = score_batch(*empty, model, make.rules(), NOW)
        assert scored.num_rows == 0
        assert scored.schema.equals(scored_schema(make.names))


def test_what_does_not_fit_is_refused(batch, bundle, make):
    transactions, features = batch
    with pytest.raises(ScoringError, match="600 transactions, got 3 rows"):
        score_batch(transactions, features.slice(0, 3), bundle, make.rules(), NOW)
    with pytest.raises(ScoringError, match="missing: is_new_device"):
        score_batch(transactions, features.drop_columns(["is_new_device"]), bundle, AnyRules(), NOW)
    with pytest.raises(ScoringError, match="missing: amount"):
        score_batch(transactions.drop_columns(["amount"]), features, bundle, make.rules(), NOW)
    with pytest.raises(ScoringError, match="time zone"):
        score_batch(transactions, features, bundle, make.rules(), NOW.replace(tzinfo=None))


class AnyRules:
    version = "none"

    def evaluate(self, table):
        return [()] * table.num_rows
