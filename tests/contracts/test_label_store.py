"""What every LabelStore keeps to."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from include.stores.memory.labels import MemoryLabelStore
from include.transactions.labels import LabelEvent

NOON = datetime(2026, 3, 2, 12, 0, 0, 123_456, tzinfo=UTC)


@pytest.fixture(params=["memory", pytest.param("cassandra", marks=pytest.mark.servers)])
def label_store(request):
    if request.param == "memory":
        return MemoryLabelStore()
    from include.stores.cassandra.labels import CassandraLabelStore

    return CassandraLabelStore(request.getfixturevalue("cassandra_session"))


@pytest.fixture
def label():
    """About a transaction no other test has spoken of: the servers outlive a test."""
    return LabelEvent(str(uuid.uuid4()), "A1", True, "ANALYST", NOON)


def said(store, label):
    return sorted(
        store.get_many([label.transaction_id]).get(label.transaction_id, []), key=lambda one: one.source
    )


def test_nobody_has_spoken_at_first(label_store, label):
    assert label_store.get_many([label.transaction_id]) == {}
    assert label_store.get_many([]) == {}
    label_store.put([])


def test_a_label_comes_back_as_it_was_put(label_store, label):
    label_store.put([label])
    label_store.put([label])
    assert said(label_store, label) == [label]


def test_every_source_has_its_own_word(label_store, label):
    others = [replace(label, source="CUSTOMER", is_fraud=False), replace(label, source="CHARGEBACK")]
    label_store.put([label, *others])
    assert said(label_store, label) == [label, others[1], others[0]]


@pytest.mark.parametrize("newest_first", [True, False])
def test_the_newest_word_of_a_source_stays_whichever_comes_first(label_store, label, newest_first):
    newer = replace(label, is_fraud=False, labelled_at=NOON + timedelta(microseconds=1))
    for one in sorted([label, newer], key=lambda one: one.labelled_at, reverse=newest_first):
        label_store.put([one])
    assert said(label_store, label) == [newer]


def test_many_at_once(label_store, label):
    many = [replace(label, transaction_id=str(uuid.uuid4())) for _ in range(1_000)]
    label_store.put(many)
    found = label_store.get_many([one.transaction_id for one in many])
    assert found == {one.transaction_id: [one] for one in many}
