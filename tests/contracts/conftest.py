"""What several contract suites stand on."""

import pytest

from include.stores.memory.alerting import MemoryOutboxStore
from tests.stores.cassandra.keyspaces import numbered, own_keyspace
from tests.stores.cassandra.outboxes import empty_outbox

OUTBOX = ("outbox", "deliveries_and_customers")  # the migrations


@pytest.fixture(scope="module")
def empty_session(request):
    """A session in a keyspace with nothing but an empty outbox."""
    with own_keyspace(request.getfixturevalue("cassandra_address"), numbered(*OUTBOX)) as address:
        session = address.connect()
        yield session
        session.cluster.shutdown()


@pytest.fixture(params=["memory", pytest.param("cassandra", marks=pytest.mark.servers)])
def outbox(request):
    if request.param == "memory":
        return MemoryOutboxStore()
    from include.stores.cassandra.outbox import CassandraOutboxStore

    session = request.getfixturevalue("empty_session")
    empty_outbox(session)
    return CassandraOutboxStore(session)
