"""What every CustomerStore keeps to."""

import dataclasses
from datetime import UTC, datetime, time, timedelta

import pytest

from include.alerts.contacts import simulated_customers
from include.pipeline.customers import add_simulated, load_customers
from include.stores.memory.customers import MemoryCustomerStore
from tests.stores.cassandra.keyspaces import own_keyspace

CUSTOMERS = 10  # the migration
MONDAY = datetime(2026, 3, 2, 9, 30, 15, 123_456, tzinfo=UTC)


@pytest.fixture(scope="module")
def empty_session(request):
    """A session in a keyspace with nothing but an outbox and no customers."""
    with own_keyspace(request.getfixturevalue("cassandra_address"), [7, CUSTOMERS]) as address:
        session = address.connect()
        yield session
        session.cluster.shutdown()


@pytest.fixture(params=["memory", pytest.param("cassandra", marks=pytest.mark.servers)])
def store(request):
    if request.param == "memory":
        return MemoryCustomerStore()
    from include.stores.cassandra.customers import CassandraCustomerStore

    session = request.getfixturevalue("empty_session")
    session.execute("TRUNCATE customers", timeout=60)
    return CassandraCustomerStore(session)


def customer(**changes):
    (example,) = simulated_customers(["C-1"])
    full = {"quiet_from": time(22, 30), "quiet_until": time(6, 15), "updated_at": MONDAY}
    return dataclasses.replace(example, **full | changes)


def test_a_customer_comes_back_as_put(store):
    full = customer()
    bare = customer(
        customer_id="C-2", email=None, phone=None, quiet_from=None, quiet_until=None, consent_sms=False
    )
    store.put([full, bare])
    assert store.get_many(["C-1", "C-2", "C-3", "C-1"]) == {"C-1": full, "C-2": bare}
    assert store.get_many([]) == {}
    store.put([])


def test_the_record_updated_last_stands_whichever_came_last(store):
    old, new = (
        customer(email="old@example.com"),
        customer(email=None, updated_at=MONDAY + timedelta(microseconds=1)),
    )
    for order in ([old], [new], [old], [new, old]):
        store.put(order)
    assert store.get_many(["C-1"]) == {"C-1": new}


def test_hundreds_at_once(store):
    many = list(simulated_customers(f"C-{number}" for number in range(700)))
    store.put(many)
    assert store.get_many([one.customer_id for one in many]) == {one.customer_id: one for one in many}


def test_invented_customers_are_added_where_there_is_none(store):
    real = customer()
    store.put([real])
    assert add_simulated(["C-1", "C-2", "C-3", "C-2"], store) == 2
    assert add_simulated(["C-1", "C-2", "C-3"], store) == 0
    assert store.get_many(["C-1"]) == {"C-1": real}
    assert store.get_many(["C-2"]) == {"C-2": next(simulated_customers(["C-2"]))}


def test_a_file_is_put_and_its_bad_rows_are_told(store, tmp_path):
    path = tmp_path / "customers.csv"
    path.write_text(
        "customer_id,segment,language,consent_email,consent_sms,phone\n"
        "C-7,private,en,true,false,+999123456789\n"
        "C-8,private,en,maybe,false,\n"
    )
    count, bad = load_customers(path, store)
    assert (count, [row.line for row in bad]) == (1, [3])
    assert store.get_many(["C-7", "C-8"])["C-7"].phone == "+999123456789"
    assert set(store.get_many(["C-7", "C-8"])) == {"C-7"}
