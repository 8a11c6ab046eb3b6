"""What every SeenStore keeps to."""

import uuid

import pytest

from include.stores.memory.state import MemorySeenStore


@pytest.fixture(params=["memory", pytest.param("cassandra", marks=pytest.mark.servers)])
def seen_store(request):
    if request.param == "memory":
        return MemorySeenStore()
    from include.stores.cassandra.seen import CassandraSeenStore

    return CassandraSeenStore(request.getfixturevalue("cassandra_session"))


@pytest.fixture
def names():
    """Ids no other test has written: the servers outlive a test."""
    return [str(uuid.uuid4()) for _ in range(3)]


def test_nothing_has_been_seen_at_first(seen_store, names):
    assert seen_store.seen_before(names, 10) == set()
    assert seen_store.seen_before([], 10) == set()


def test_a_batch_sees_only_ids_of_earlier_batches(seen_store, names):
    seen_store.remember(names[:1], 4)
    seen_store.remember(names[1:2], 5)
    assert seen_store.seen_before(names, 4) == set()
    assert seen_store.seen_before(names, 5) == set(names[:1])
    assert seen_store.seen_before(names, 6) == set(names[:2])


def test_a_batch_remembered_again_still_does_not_see_itself(seen_store, names):
    seen_store.remember(names, 2)
    seen_store.remember(names, 2)
    assert seen_store.seen_before(names, 2) == set()
    assert seen_store.seen_before(names, 3) == set(names)


def test_the_first_batch_stands(seen_store, names):
    seen_store.remember(names[:1], 2)
    seen_store.remember(names[:1], 6)
    assert seen_store.seen_before(names, 3) == set(names[:1])


def test_many_ids_at_once(seen_store):
    many = [str(uuid.uuid4()) for _ in range(3000)]
    seen_store.remember(many[:2000], 1)
    assert seen_store.seen_before(many, 2) == set(many[:2000])


def test_remembering_nothing_is_fine(seen_store):
    seen_store.remember([], 0)
