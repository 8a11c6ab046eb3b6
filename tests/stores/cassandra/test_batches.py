"""Rows grouped into batches that Cassandra takes, however large some of them are."""

import uuid
from types import SimpleNamespace

import pytest
from cassandra import InvalidRequest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.stores.cassandra.batches import MAX_BYTES, MAX_ROWS, _chunks, _weight, write_rows
from include.stores.cassandra.encoding import bigint
from include.stores.cassandra.errors import WriteFailed
from include.stores.cassandra.state import CassandraStateStore
from include.stores.cassandra.statements import prepare

ONE_NODE = SimpleNamespace(
    keyspace="any", cluster=SimpleNamespace(metadata=SimpleNamespace(all_hosts=lambda: [object()]))
)
STATEMENT = SimpleNamespace(routing_key_indexes=[0])


@settings(deadline=None)
@given(st.lists(st.integers(0, 80_000) | st.integers(0, 900), max_size=200))
def test_a_batch_of_several_rows_stays_within_its_bounds(sizes):
    rows = [(str(number).encode(), b"\0" * size) for number, size in enumerate(sizes)]
    chunks = list(_chunks(ONE_NODE, STATEMENT, rows))
    assert [row for chunk in chunks for row in chunk] == rows
    for chunk in chunks:
        assert 1 <= len(chunk) <= MAX_ROWS
        assert len(chunk) == 1 or sum(map(_weight, chunk)) <= MAX_BYTES


def test_a_heavy_row_goes_alone():
    rows = [(b"a", b""), (b"heavy", b"\0" * 75_000), (b"b", b""), (b"c", b"")]
    keys = [[row[0] for row in chunk] for chunk in _chunks(ONE_NODE, STATEMENT, rows)]
    assert keys == [[b"a"], [b"heavy"], [b"b", b"c"]]


@pytest.mark.servers
def test_heavy_states_among_light_ones_are_written(cassandra_session):
    sizes = [0, 75_000, 10, 35_000, 2_000, 36_863, 51_200, 40_000, 75_000, 75_000, 3] * 8
    states = {f"{uuid.uuid4()}": b"\1" * size for size in sizes}
    store = CassandraStateStore(cassandra_session)
    store.write("counterparty", states, 0)
    assert store.read("counterparty", list(states), 1) == states


@pytest.mark.servers
def test_a_batch_that_is_too_large_after_all_is_halved(cassandra_session, monkeypatch):
    monkeypatch.setattr("include.stores.cassandra.batches.MAX_BYTES", 10**9)
    states = {f"{uuid.uuid4()}": b"\1" * 20_000 for _ in range(50)}
    store = CassandraStateStore(cassandra_session)
    store.write("account", states, 0)
    assert store.read("account", list(states), 1) == states


@pytest.mark.servers
def test_rows_cassandra_refuses_are_named(cassandra_session):
    statement = prepare(
        cassandra_session, "INSERT INTO seen_transactions (transaction_id, batch_id) VALUES (?, ?)"
    )
    rows = [(b"fine", bigint(0)), (b"", bigint(0))]
    with pytest.raises(WriteFailed, match="expected to write 2 rows to seen_transactions") as refused:
        write_rows(cassandra_session, statement, rows)
    assert isinstance(refused.value.__cause__, InvalidRequest)
