"""What every StateStore keeps to."""

import uuid

import pytest

from include.stores.memory.state import MemoryStateStore


@pytest.fixture(params=["memory", pytest.param("cassandra", marks=pytest.mark.servers)])
def state_store(request):
    if request.param == "memory":
        return MemoryStateStore()
    from include.stores.cassandra.state import CassandraStateStore

    return CassandraStateStore(request.getfixturevalue("cassandra_session"))


@pytest.fixture
def key():
    """A key no other test has written: the servers outlive a test."""
    return f"key-{uuid.uuid4()}"


def test_an_unknown_key_is_left_out(state_store, key):
    state_store.write("account", {key: b"one"}, 0)
    assert state_store.read("account", [key, f"no-{key}"], 1) == {key: b"one"}
    assert state_store.read("account", [], 1) == {}


def test_a_batch_reads_only_what_earlier_batches_wrote(state_store, key):
    state_store.write("account", {key: b"three"}, 3)
    state_store.write("account", {key: b"seven"}, 7)
    assert state_store.read("account", [key], 3) == {}
    assert state_store.read("account", [key], 4) == {key: b"three"}
    assert state_store.read("account", [key], 7) == {key: b"three"}
    assert state_store.read("account", [key], 8) == {key: b"seven"}
    assert state_store.read("account", [key], 10**9) == {key: b"seven"}


def test_writing_a_batch_again_replaces_it_and_nothing_else(state_store, key):
    state_store.write("account", {key: b"zero"}, 0)
    state_store.write("account", {key: b"first try"}, 1)
    before = state_store.read("account", [key], 1)
    state_store.write("account", {key: b"second try"}, 1)
    assert state_store.read("account", [key], 1) == before == {key: b"zero"}
    assert state_store.read("account", [key], 2) == {key: b"second try"}


def test_kinds_do_not_mix(state_store, key):
    state_store.write("account", {key: b"a"}, 0)
    state_store.write("counterparty", {key: b"c"}, 0)
    assert state_store.read("account", [key], 1) == {key: b"a"}
    assert state_store.read("counterparty", [key], 1) == {key: b"c"}


def test_any_bytes_of_any_size_come_back(state_store, key):
    states = {f"{key}-{size}": bytes(range(256)) * (size // 256) for size in (0, 256, 75_008)}
    state_store.write("account", states, 0)
    assert state_store.read("account", list(states), 1) == states


def test_many_keys_at_once(state_store, key):
    states = {f"{key}-{i}": str(i).encode() for i in range(1500)}
    state_store.write("counterparty", states, 5)
    assert state_store.read("counterparty", list(states), 6) == states


def test_what_was_given_is_not_held_on_to(state_store, key):
    states = {key: b"a"}
    state_store.write("account", states, 0)
    states[key] = b"b"
    found = state_store.read("account", [key], 1)
    found[key] = b"c"
    assert state_store.read("account", [key], 1) == {key: b"a"}


def test_writing_nothing_is_fine(state_store):
    state_store.write("account", {}, 0)
