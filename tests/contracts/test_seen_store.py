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


def said(names, word="said"):
    """Content by id, as far as a store can tell: some bytes."""
    return {name: f"{word}-{name}".encode() for name in names}


def test_nothing_has_been_seen_at_first(seen_store, names):
    assert seen_store.seen_before(names, 10) == {}
    assert seen_store.seen_before([], 10) == {}


def test_a_batch_sees_only_what_earlier_batches_accepted(seen_store, names):
    seen_store.remember(said(names[:1]), 4)
    seen_store.remember(said(names[1:2]), 5)
    assert seen_store.seen_before(names, 4) == {}
    assert seen_store.seen_before(names, 5) == said(names[:1])
    assert seen_store.seen_before(names, 6) == said(names[:2])


def test_a_batch_remembered_again_still_does_not_see_itself(seen_store, names):
    seen_store.remember(said(names), 2)
    seen_store.remember(said(names), 2)
    assert seen_store.seen_before(names, 2) == {}
    assert seen_store.seen_before(names, 3) == said(names)


def test_the_first_batch_stands_and_what_it_said(seen_store, names):
    seen_store.remember(said(names[:1]), 2)
    seen_store.remember(said(names[:1], "other"), 6)
    assert seen_store.seen_before(names, 3) == said(names[:1])
    assert seen_store.seen_before(names, 7) == said(names[:1])


def test_many_at_once(seen_store):
    many = [str(uuid.uuid4()) for _ in range(3000)]
    seen_store.remember(said(many[:2000]), 1)
    assert seen_store.seen_before(many, 2) == said(many[:2000])


def test_remembering_nothing_is_fine(seen_store):
    seen_store.remember({}, 0)


@pytest.mark.servers
def test_rows_without_a_digest_are_seen_all_the_same(cassandra_session, names):
    """As they were written before there were digests."""
    from include.stores.cassandra.seen import CassandraSeenStore

    cassandra_session.execute(
        "INSERT INTO seen_transactions (transaction_id, batch_id) VALUES (%s, 1)", (names[0],)
    )
    assert CassandraSeenStore(cassandra_session).seen_before(names, 2) == {names[0]: None}
