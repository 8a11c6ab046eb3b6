from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.features.catalogue import FEATURE_NAMES
from include.features.compute import compute, keys_of
from include.features.errors import FeatureInputError
from include.transactions.schema import ACCEPTED_SCHEMA, TRANSACTION_SCHEMA
from tests.features.histories import LONG_STEPS, SHORT_STEPS, histories, labelled
from tests.features.reference import START, Payment, assert_same, features_of, label_table, ratio, table

ANY_FEW = histories([*SHORT_STEPS, *LONG_STEPS], accounts="AB", partners="KL")
ANY = histories([*SHORT_STEPS, *LONG_STEPS])
WITHIN_A_DAY_OR_TWO = histories(SHORT_STEPS[:-1])


def advance(payments: list[Payment], states=None):
    return compute(table(payments), states or {})


@settings(max_examples=30, deadline=None)
@given(ANY)
def test_every_feature_equals_the_plain_loops(payments):
    assert_same(advance(payments).features, [features_of(p, payments) for p in payments])


@settings(max_examples=15, deadline=None)
@given(WITHIN_A_DAY_OR_TWO, st.data())
def test_order_within_a_batch_does_not_matter(payments, data):
    order = data.draw(st.permutations(range(len(payments))))
    first, second = advance(payments), advance([payments[i] for i in order])
    assert _same_with_nan(first.features.take(pa.array(order, pa.int64())), second.features)
    assert first.states == second.states


@settings(max_examples=40, deadline=None)
@given(labelled(ANY_FEW))
def test_known_frauds_equal_the_plain_loops(drawn):
    payments, labels = drawn
    result = compute(table(payments), {}, labels=label_table(labels))
    assert_same(result.features, [features_of(p, payments, labels=labels) for p in payments])


@settings(max_examples=15, deadline=None)
@given(labelled(WITHIN_A_DAY_OR_TWO), st.integers(1, 7), st.integers(1, 7))
def test_labels_are_seen_from_the_batch_on_that_they_came_with(drawn, size, labels_a_batch):
    payments, labels = drawn
    states, told, said, ratios = {}, [], [], {}
    for i in range(0, len(payments), size):
        batch, news = payments[i : i + size], labels[len(said) : len(said) + labels_a_batch]
        told += batch
        said += news
        ratios |= {p: ratio(p, told, 10**9) for p in batch}
        result = compute(table(batch), states, labels=label_table(news))
        assert_same(result.features, [features_of(p, told, labels=said, ratios=ratios) for p in batch])
        states = {kind: states.get(kind, {}) | changed for kind, changed in result.states.items()}


def _same_with_nan(one: pa.Table, two: pa.Table) -> bool:
    return one.to_pandas().equals(two.to_pandas())


@settings(max_examples=15, deadline=None)
@given(WITHIN_A_DAY_OR_TWO, st.integers(1, 7))
def test_late_events_see_what_was_before_them_and_are_seen_by_later_batches(payments, size):
    states, told = {}, []
    for i in range(0, len(payments), size):
        batch = payments[i : i + size]
        told += batch
        result = advance(batch, states)
        assert_same(result.features, [features_of(p, told) for p in batch])
        states = {kind: states.get(kind, {}) | changed for kind, changed in result.states.items()}


def test_equal_times_are_ordered_by_the_hash_of_the_id():
    payments = [Payment(id=f"tie-{i}", time=START) for i in range(6)]
    counts = advance(payments).features["account_count_10m"].to_pylist()
    by_rank = sorted(range(6), key=lambda i: payments[i].rank)
    assert [counts[i] for i in by_rank] == [0, 1, 2, 3, 4, 5]
    # … and not otherwise when half of them come in a second batch
    states = advance(payments[:3]).states
    later = compute(table(payments[3:]), states).features
    assert_same(later, [features_of(p, payments) for p in payments[3:]])


def test_an_event_older_than_the_retention_is_scored_and_not_kept():
    first = advance([Payment("new", START)])
    late = advance([Payment("old", START - timedelta(days=50))], first.states)
    assert late.features["account_count_30d"].to_pylist() == [0]
    assert late.states == first.states


def test_the_newest_event_stays_however_old_so_that_dormancy_shows():
    states = advance([Payment("one", START)]).states
    result = advance([Payment("two", START + timedelta(days=200))], states)
    assert result.features["seconds_since_last"].to_pylist() == [200 * 86400]
    assert result.features["account_count_30d"].to_pylist() == [0]


def test_windows_are_half_open():
    hour = timedelta(hours=1)
    after = START + hour + timedelta(microseconds=1)
    payments = [Payment("a", START), Payment("b", START + hour), Payment("c", after)]
    assert advance(payments).features["account_count_1h"].to_pylist() == [0, 1, 1]


@settings(max_examples=15, deadline=None)
@given(WITHIN_A_DAY_OR_TWO, st.integers(0, 24), st.decimals(Decimal("0.0001"), Decimal(10**9), places=4))
def test_raising_an_amount_never_lowers_a_sum_or_a_maximum(payments, which, more):
    which %= len(payments)
    raised = [replace(p, amount=p.amount + more) if i == which else p for i, p in enumerate(payments)]
    before, after = advance(payments).features, advance(raised).features
    for name in FEATURE_NAMES:
        if "_sum_" in name or "_max_" in name:
            pairs = zip(before[name].to_pylist(), after[name].to_pylist(), strict=True)
            assert all(not new < old for old, new in pairs), name


def test_sums_are_exact_beyond_64_bits():
    payments = [
        Payment(f"big-{i}", START + timedelta(seconds=i), amount=Decimal("1e12")) for i in range(1200)
    ]
    sums = advance(payments).features
    assert sums["account_sum_1h"].to_pylist()[-1] == 1199e12
    assert sums["account_outflow_24h"].to_pylist()[-1] == 1024e12
    pennies = [Payment(f"p-{i}", START + timedelta(seconds=i), amount=Decimal("0.1")) for i in range(11)]
    assert advance(pennies).features["account_sum_1h"].to_pylist()[-1] == 1.0


def test_an_empty_batch_has_the_columns_and_changes_nothing():
    result = compute(TRANSACTION_SCHEMA.empty_table(), {})
    assert result.features.column_names == list(FEATURE_NAMES)
    assert result.features.num_rows == 0
    assert result.states == {"account": {}, "counterparty": {}}
    assert keys_of(TRANSACTION_SCHEMA.empty_table()) == {"account": [], "counterparty": []}


def test_a_batch_without_any_device():
    payments = [Payment("a", START), Payment("b", START + timedelta(1))]
    batch = table(payments)
    assert_same(compute(batch, {}).features, [features_of(p, payments) for p in payments])
    untyped = batch.set_column(batch.column_names.index("device_id"), "device_id", pa.nulls(2))
    assert _same_with_nan(compute(untyped, {}).features, compute(batch, {}).features)


def test_an_accepted_batch_in_slices_gives_the_same():
    payments = [Payment(f"t{i}", START + timedelta(minutes=i), amount=Decimal(i + 1)) for i in range(9)]
    whole = table(payments)
    wide = pa.concat_tables([whole, ACCEPTED_SCHEMA.empty_table()], promote_options="default")
    pieces = pa.concat_tables([wide.slice(0, 4), wide.slice(4, 2), wide.slice(6)])
    assert _same_with_nan(compute(pieces, {}).features, compute(whole, {}).features)
    tail = compute(pieces.slice(5), compute(pieces.slice(0, 5), {}).states)
    assert _same_with_nan(tail.features, compute(whole, {}).features.slice(5))


def test_inputs_stay_as_they_were():
    states = advance([Payment("a", START)]).states
    before = {kind: dict(by_key) for kind, by_key in states.items()}
    advance([Payment("b", START + timedelta(1))], states)
    assert states == before


def test_tables_that_are_no_batch_are_refused():
    batch = table([Payment("a", START)])
    with pytest.raises(FeatureInputError, match="without country"):
        compute(batch.drop_columns(["country"]), {})
    nulls = batch.set_column(1, "account_id", pa.nulls(1, pa.string()))
    with pytest.raises(FeatureInputError, match="account_id"):
        compute(nulls, {})
    fine = batch.set_column(3, "amount", pa.array([Decimal("0.00001")]))
    with pytest.raises(FeatureInputError, match="amounts"):
        compute(fine, {})
