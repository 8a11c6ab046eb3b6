"""An outbox in a keyspace of its own, seen from two processes."""

import pytest

from include.stores.cassandra import answers
from include.stores.cassandra.outbox import CassandraOutboxStore
from tests.stores.cassandra.keyspaces import numbered, own_keyspace
from tests.stores.cassandra.outboxes import empty_outbox

OUTBOX = ("outbox", "deliveries_and_customers")  # the migrations


@pytest.fixture(scope="module")
def sessions(request):
    """Two sessions, as two processes have them, in a keyspace with nothing but an outbox."""
    with own_keyspace(request.getfixturevalue("cassandra_address"), numbered(*OUTBOX)) as address:
        both = address.connect(), address.connect()
        yield both
        for session in both:
            session.cluster.shutdown()


@pytest.fixture
def session(sessions):
    return sessions[0]


@pytest.fixture
def outbox(sessions):
    """The store whose statements a test interferes with."""
    empty_outbox(sessions[0])
    return CassandraOutboxStore(sessions[0])


@pytest.fixture
def other(sessions):
    """The same outbox in another process."""
    return CassandraOutboxStore(sessions[1])


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(answers, "PAUSES_S", (0.0, 0.0, 0.0))
