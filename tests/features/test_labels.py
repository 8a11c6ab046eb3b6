from datetime import timedelta

import pyarrow as pa
import pytest

from include.features.compute import compute, keys_of
from include.features.errors import FeatureInputError
from include.features.history import features_of_history
from include.features.labels import JOINED_LABEL_SCHEMA, join_labels
from include.features.verdicts import RECENT_LABELS
from include.transactions.labels import LABEL_SCHEMA
from include.transactions.schema import TRANSACTION_SCHEMA
from tests.features.reference import START, Label, Payment, assert_same, features_of, label_table, table

DAY = timedelta(days=1)
EMPTY = TRANSACTION_SCHEMA.empty_table()


def daily(count: int, hour: int = 0) -> list[Payment]:
    return [Payment(f"d{i}", START + DAY * i + timedelta(hours=hour), account=f"A{i}") for i in range(count)]


def after_a_week(payments: list[Payment]) -> list[Label]:
    return [Label(p, p.time + timedelta(days=7)) for p in payments]


def probe(payments: list[Payment], labels: list[Label], time) -> dict[str, float]:
    everything = table([*payments, Payment("probe", time)])
    return (
        features_of_history(everything, labels=label_table(labels))
        .features.slice(len(payments))
        .to_pylist()[0]
    )


def test_a_compromised_terminal():
    payments = daily(30)
    found = probe(payments, after_a_week(payments[10:]), START + DAY * 30)
    assert found["counterparty_known_frauds_1d"] == 1
    assert found["counterparty_known_frauds_7d"] == 7
    assert found["counterparty_known_fraud_rate_30d"] == 14 / 24  # of those a week old
    assert found["counterparty_fraud_run"] == 14
    assert found["counterparty_fraud_run_days"] == 20
    assert found["counterparty_days_since_known_fraud"] == 7


def test_one_honest_payment_a_week_old_ends_a_run():
    payments = daily(30)
    labels = [label for label in after_a_week(payments[10:]) if label.payment.id != "d20"]
    assert probe(payments, labels, START + DAY * 30)["counterparty_fraud_run"] == 3
    early = [*labels, Label(payments[25], payments[25].time + DAY)]
    assert probe(payments, early, START + DAY * 30)["counterparty_fraud_run"] == 4  # none between is settled
    cleared = [*early, Label(payments[26], payments[26].time + DAY, fraud=False)]
    assert probe(payments, cleared, START + DAY * 30)["counterparty_fraud_run"] == 0


def test_a_label_is_not_seen_a_microsecond_before_it_is_known():
    payments = daily(1)
    known = START + timedelta(hours=5)
    for moment, count in ((known - timedelta(microseconds=1), 0), (known, 1)):
        assert probe(payments, [Label(payments[0], known)], moment)["counterparty_known_frauds_1d"] == count


def test_a_newer_label_replaces_an_older_one_from_its_moment_on():
    payments = daily(1)
    labels = [Label(payments[0], START + DAY), Label(payments[0], START + DAY * 2, fraud=False)]
    for day, count in ((1, 1), (1.9, 1), (2, 0)):
        assert probe(payments, labels, START + DAY * day)["counterparty_known_frauds_7d"] == count


def test_labels_may_come_without_any_payment():
    payments = daily(3)
    news = label_table(after_a_week(payments[:1]))
    assert keys_of(EMPTY, news) == {"account": [], "counterparty": ["M"]}
    before = compute(table(payments), {}).states
    after = compute(EMPTY, before, labels=news)
    assert after.features.num_rows == 0
    assert after.states["account"] == {}
    later = Payment("later", START + DAY * 8)
    states = {"account": before["account"], "counterparty": after.states["counterparty"]}
    expected = features_of(later, [*payments, later], labels=after_a_week(payments[:1]))
    assert_same(compute(table([later]), states).features, [expected])


def test_labels_of_a_counterparty_nothing_else_is_known_of():
    gone = Payment("gone", START)
    states = compute(EMPTY, {}, labels=label_table([Label(gone, START + DAY)])).states
    found = compute(table([Payment("next", START + DAY * 2)]), states).features.to_pylist()[0]
    assert found["counterparty_known_frauds_7d"] == 1
    assert found["counterparty_fraud_run"] == 0  # the payment itself is not there


def test_a_label_that_comes_twice_counts_once():
    payments = daily(3)
    news = label_table(after_a_week(payments))
    once = compute(table(payments), {}, labels=news).states
    assert compute(EMPTY, once, labels=news).states["counterparty"] == once["counterparty"]


def test_labels_a_state_keeps_are_bounded():
    count = RECENT_LABELS + 50
    payments = [Payment(f"p{i}", START + timedelta(minutes=i)) for i in range(count)]
    labels = [Label(p, START + DAY) for p in payments]
    for chunk in (10_000, 100):
        everything = table([*payments, Payment("probe", START + DAY * 2)])
        result = features_of_history(everything, chunk_rows=chunk, labels=label_table(labels))
        found = result.features.slice(count).to_pylist()[0]
        assert found["counterparty_known_frauds_7d"] == RECENT_LABELS
        assert len(result.states["counterparty"]["M"]) == 40 * (1 + RECENT_LABELS + count + 1)


def test_labels_are_joined_with_their_transactions():
    payments = daily(3)
    plain = label_table(after_a_week(payments[1:])).select(LABEL_SCHEMA.names)
    joined = join_labels(plain, table(payments))
    assert joined.schema == JOINED_LABEL_SCHEMA
    assert joined.equals(label_table(after_a_week(payments[1:])))
    assert join_labels(plain, table(payments[:2])).num_rows == 1


def test_tables_that_are_no_labels_are_refused():
    news = label_table(after_a_week(daily(1)))
    with pytest.raises(FeatureInputError, match="counterparty_id is missing"):
        compute(EMPTY, {}, labels=news.drop_columns(["counterparty_id"]))
    nulls = news.set_column(4, "labelled_at", pa.nulls(1, JOINED_LABEL_SCHEMA.field("labelled_at").type))
    with pytest.raises(FeatureInputError, match="labelled_at has some"):
        compute(EMPTY, {}, labels=nulls)
