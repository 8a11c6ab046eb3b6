"""An outbox in a keyspace of its own, seen from two processes."""

import pytest

from include.stores.cassandra import outbox as outbox_module
from include.stores.cassandra.outbox import CassandraOutboxStore
from tests.stores.cassandra.keyspaces import own_keyspace

OUTBOX = 7  # the migration


@pytest.fixture(scope="module")
def sessions(request):
    """Two sessions, as two processes have them, in a keyspace with nothing but an outbox."""
    with own_keyspace(request.getfixturevalue("cassandra_address"), [OUTBOX]) as address:
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
    for table in ("outbox", "outbox_due", "outbox_open_minutes"):
        sessions[0].execute(f"TRUNCATE {table}", timeout=60)
    return CassandraOutboxStore(sessions[0])


@pytest.fixture
def other(sessions):
    """The same outbox in another process."""
    return CassandraOutboxStore(sessions[1])


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(outbox_module, "PAUSES_S", (0.0, 0.0, 0.0))
