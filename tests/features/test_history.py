from datetime import timedelta

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from include.features.compute import compute
from include.features.history import features_of_history
from include.transactions.schema import TRANSACTION_SCHEMA
from tests.features.histories import LONG_STEPS, SHORT_STEPS, histories, labelled
from tests.features.reference import START, Payment, assert_same, features_of, label_table, table

ANY_FEW = histories([*SHORT_STEPS, *LONG_STEPS], accounts="AB", partners="KL")
ANY = histories([*SHORT_STEPS, *LONG_STEPS])


@settings(max_examples=15, deadline=None)
@given(ANY, st.integers(1, 9))
def test_the_cut_into_chunks_changes_no_bit(payments, size):
    whole = features_of_history(table(payments))
    cut = features_of_history(table(payments), chunk_rows=size)
    for name in whole.features.column_names:
        one, two = whole.features[name].to_numpy(), cut.features[name].to_numpy()
        assert np.array_equal(one, two, equal_nan=True), name
    assert whole.states == cut.states
    assert_same(cut.features, [features_of(p, payments) for p in payments])


@settings(max_examples=15, deadline=None)
@given(labelled(ANY_FEW), st.integers(1, 9))
def test_the_cut_changes_no_bit_of_what_labels_say(drawn, size):
    payments, labels = drawn
    whole = features_of_history(table(payments), labels=label_table(labels))
    cut = features_of_history(table(payments), chunk_rows=size, labels=label_table(labels))
    assert whole.features.to_pandas().equals(cut.features.to_pandas())
    assert whole.states == cut.states
    assert_same(cut.features, [features_of(p, payments, labels=labels) for p in payments])


def test_going_on_from_states_equals_one_pass():
    payments = _many(60)
    whole = features_of_history(table(payments))
    first = features_of_history(table(payments[:40]))
    second = features_of_history(table(payments[40:]), states=first.states)
    assert whole.features.slice(40).to_pandas().equals(second.features.to_pandas())
    assert whole.states == second.states


def test_live_batches_in_order_equal_the_history():
    payments = _many(80)
    states = {"account": {}, "counterparty": {}}
    parts = []
    for i in range(0, len(payments), 7):
        result = compute(table(payments[i : i + 7]), states)
        parts.append(result.features)
        for kind, changed in result.states.items():
            states[kind] |= changed
    whole = features_of_history(table(payments))
    assert pa.concat_tables(parts).to_pandas().equals(whole.features.to_pandas())
    assert states == whole.states


def test_an_empty_history():
    result = features_of_history(TRANSACTION_SCHEMA.empty_table())
    assert result.features.num_rows == 0
    assert result.states == {"account": {}, "counterparty": {}}


def _many(count):
    random = np.random.default_rng(7)
    hours = np.cumsum(random.exponential(9, count))
    return [
        Payment(
            f"m{i}",
            START + timedelta(hours=float(hours[i])),
            account="ABCD"[random.integers(4)],
            counterparty="KLMN"[random.integers(4)],
        )
        for i in range(count)
    ]
