"""The bounded form of heavy keys: the same values however the history was cut, and never too large."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from include.features.buckets import RECENT_EVENTS
from include.features.compute import compute
from include.features.history import features_of_history
from tests.features.histories import LONG_STEPS, SHORT_STEPS, histories, labelled
from tests.features.reference import START, Payment, assert_same, features_of, label_table, table

MOST = 4
BUSY = histories([*SHORT_STEPS, *LONG_STEPS[:5]], most=30, accounts="AB", partners="KL")


@settings(max_examples=15, deadline=None)
@given(BUSY, st.integers(1, 12))
def test_heavy_keys_round_as_documented_whatever_the_chunks(payments, size):
    expected = [features_of(p, payments, MOST) for p in payments]
    whole = features_of_history(table(payments), recent_events=MOST)
    assert_same(whole.features, expected)
    cut = features_of_history(table(payments), chunk_rows=size, recent_events=MOST)
    assert cut.features.to_pandas().equals(whole.features.to_pandas())
    assert cut.states == whole.states


@settings(max_examples=15, deadline=None)
@given(labelled(BUSY), st.integers(1, 12))
def test_fraud_history_of_heavy_counterparties_rounds_as_documented(drawn, size):
    payments, labels = drawn
    expected = [features_of(p, payments, MOST, labels) for p in payments]
    whole = features_of_history(table(payments), recent_events=MOST, labels=label_table(labels))
    assert_same(whole.features, expected)
    cut = features_of_history(
        table(payments), chunk_rows=size, recent_events=MOST, labels=label_table(labels)
    )
    assert cut.features.to_pandas().equals(whole.features.to_pandas())
    assert cut.states == whole.states


@settings(max_examples=10, deadline=None)
@given(BUSY, st.integers(1, 12))
def test_late_events_of_heavy_keys_never_count_more_than_there_is(payments, size):
    states, told = {}, []
    for i in range(0, len(payments), size):
        batch = payments[i : i + size]
        told += batch
        result = compute(table(batch), states, MOST)
        states = {kind: states.get(kind, {}) | changed for kind, changed in result.states.items()}
        for p, row in zip(batch, result.features.to_pylist(), strict=True):
            assert row["account_count_30d"] <= sum(q.account == p.account for q in told) - 1


def test_a_busy_counterparty_has_a_state_of_limited_size_and_right_sums():
    count, step = 9_000, timedelta(seconds=240)  # 25 days, 15 payments an hour
    payments = [Payment(f"h{i}", START + step * i, account=f"A{i % 3000}") for i in range(count)]
    result = features_of_history(table(payments), chunk_rows=4_000)
    assert len(result.states["counterparty"]["M"]) < 90_000
    last = result.features.slice(count - 1).to_pylist()[0]
    assert last["counterparty_count_1h"] == 15
    assert last["counterparty_sum_1h"] == 150.0
    assert last["counterparty_distinct_accounts_24h"] == 360
    assert last["counterparty_count_7d"] in range(7 * 360, 7 * 360 + 15)  # from the hour's edge
    assert last["counterparty_count_30d"] == count - 1
    assert last["counterparty_sum_30d"] == 10.0 * (count - 1)
    assert last["counterparty_distinct_accounts_30d"] == RECENT_EVENTS  # of 3,000: among the newest only


def test_more_than_the_limit_within_minutes_rounds_to_the_minute():
    payments = [Payment(f"f{i}", START + timedelta(seconds=i), amount=Decimal(1)) for i in range(1200)]
    everything = table([*payments, Payment("probe", START + timedelta(seconds=1200))])
    exact = features_of_history(everything).features.slice(1200).to_pylist()[0]
    rounded = features_of_history(everything, recent_events=100).features.slice(1200).to_pylist()[0]
    assert exact["account_count_10m"] == 600
    assert rounded["account_count_10m"] == 600 + START.second
    assert rounded["account_count_1h"] == exact["account_count_1h"] == 1200
    assert rounded["account_small_count_1h"] == 100  # among the newest only
    assert exact["account_small_count_1h"] == RECENT_EVENTS


def test_the_largest_state_is_as_small_as_the_docs_say():
    minutes = [Payment(f"s{i}", START + timedelta(minutes=5) * i) for i in range(13_000)]  # 45 days
    rush = [
        Payment(f"r{i}", START + timedelta(days=45, hours=8) + timedelta(seconds=3) * i) for i in range(3_000)
    ]
    states = features_of_history(table([*minutes, *rush]), chunk_rows=6_000).states
    assert len(states["counterparty"]["M"]) < 90_000
    assert len(states["account"]["A"]) < 76_000
