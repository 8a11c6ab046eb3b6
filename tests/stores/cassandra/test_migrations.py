"""Migrations: applied once, in order, by one migrator at a time, and again after a break."""

import dataclasses
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from threading import Barrier

import pytest

from include.settings import HOST
from include.stores.cassandra.cql import fill, keyspace_name, replication_map, split
from include.stores.cassandra.errors import (
    MigrationChanged,
    MigrationInvalid,
    MigrationLocked,
    SchemaMissing,
    StoreUnavailable,
)
from include.stores.cassandra.migrations import DIRECTORY, migrate, read_migrations
from include.stores.cassandra.retention import TABLES, Retention
from include.stores.cassandra.session import connect
from tests.stores.cassandra.keyspaces import REPLICATION, bare_session, free_name

SHIPPED = tuple(migration.name for migration in read_migrations(DIRECTORY))
MORE, OTHER = (f"{len(SHIPPED) + 1:03}_{name}.cql" for name in ("more", "other"))
NEVER = f"{len(SHIPPED) + 2:03}_never.cql"


@pytest.fixture(scope="module")
def session(request):
    with bare_session(request.getfixturevalue("cassandra_address")) as session:
        yield session


@pytest.fixture
def name(session):
    """Of a keyspace that is not there yet."""
    with free_name(session) as name:
        yield name


@pytest.fixture
def directory(tmp_path):
    """A copy of the shipped migrations, to be changed."""
    return shutil.copytree(DIRECTORY, tmp_path / "cassandra")


def tables_of(session, keyspace):
    rows = session.execute(
        "SELECT table_name, default_time_to_live FROM system_schema.tables WHERE keyspace_name = %s",
        (keyspace,),
    )
    return {row.table_name: row.default_time_to_live for row in rows}


@pytest.mark.servers
def test_every_file_is_applied_once_and_an_applied_one_may_not_change(session, name, directory):
    assert migrate(session, name, REPLICATION, directory) == SHIPPED
    made = tables_of(session, name)
    retention = Retention().seconds()
    for kept, tables in TABLES.items():
        assert {made[table] for table in tables} == {retention[kept]}
    assert migrate(session, name, REPLICATION, directory) == ()

    (directory / MORE).write_text("CREATE TABLE IF NOT EXISTS {{keyspace}}.more (a int PRIMARY KEY);")
    assert migrate(session, name, REPLICATION, directory) == (MORE,)
    assert set(tables_of(session, name)) == {*made, "more"}

    (directory / NEVER).write_text("CREATE TABLE {{keyspace}}.never (a int PRIMARY KEY);")
    applied = (directory / "003_totals.cql").read_text()
    (directory / "003_totals.cql").write_text(applied + "-- a harmless remark")
    with pytest.raises(MigrationChanged, match=r"expected 003_totals.cql as it was applied"):
        migrate(session, name, REPLICATION, directory)
    (directory / "003_totals.cql").write_text(applied)
    (directory / MORE).rename(directory / OTHER)
    with pytest.raises(MigrationChanged, match=f"expected the applied migration {MORE}"):
        migrate(session, name, REPLICATION, directory)
    assert "never" not in tables_of(session, name)

    (directory / OTHER).rename(directory / MORE)
    longer = Retention(seen=50, alerts=0)
    assert migrate(session, name, REPLICATION, directory, retention=longer) == (NEVER,)
    now = tables_of(session, name)
    assert (now["seen_transactions"], now["alerts_by_day"], now["outbox"]) == (50 * 86_400, 0, 90 * 86_400)

    session.execute(f"UPDATE {name}.schema_lock SET owner = 'somebody' WHERE name = 'migrations'")  # noqa: S608
    with pytest.raises(MigrationLocked, match="migrator somebody holds it"):
        migrate(session, name, REPLICATION, directory, wait_seconds=0.3)


@pytest.mark.servers
def test_of_two_migrators_at_once_one_does_the_work(request, session, name):
    barrier = Barrier(2)

    def run(session):
        barrier.wait()
        return migrate(session, name, REPLICATION)

    with bare_session(request.getfixturevalue("cassandra_address")) as other, ThreadPoolExecutor(2) as pool:
        results = [future.result() for future in [pool.submit(run, one) for one in (session, other)]]
    assert sorted(results) == [(), SHIPPED]


@pytest.mark.servers
def test_what_broke_off_is_done_again(session, name, monkeypatch):
    original = session.execute_async
    for left in (2, 9, 16, 25):  # in the first file, in the middle of the second, further on

        def execute_async(statement, *arguments, left=[left], **named):  # noqa: B006 (a counter)
            left[0] -= 1
            if left[0] == 0:
                raise StoreUnavailable("it broke off")
            return original(statement, *arguments, **named)

        monkeypatch.setattr(session, "execute_async", execute_async)
        with pytest.raises(StoreUnavailable, match="it broke off"):
            migrate(session, name, REPLICATION)
        monkeypatch.undo()
    applied_at_last = migrate(session, name, REPLICATION)
    assert applied_at_last == SHIPPED[-len(applied_at_last) :]
    assert 0 < len(applied_at_last) < len(SHIPPED)
    assert migrate(session, name, REPLICATION) == ()
    rows = session.execute(f"SELECT name FROM {name}.schema_migrations")  # noqa: S608 (the test's own name)
    assert sorted(row.name for row in rows) == list(SHIPPED)
    assert {table for tables in TABLES.values() for table in tables} <= set(tables_of(session, name))


@pytest.mark.servers
def test_without_migrations_the_keyspace_is_missed(request, name):
    address = dataclasses.replace(request.getfixturevalue("cassandra_address"), keyspace=name)
    with pytest.raises(SchemaMissing, match="run the migrations first"):
        address.connect()


def test_files_are_numbered_from_one_without_gaps(directory):
    assert [migration.number for migration in read_migrations(directory)] == list(range(1, len(SHIPPED) + 1))
    (directory / "003_totals.cql").unlink()
    with pytest.raises(MigrationInvalid, match="without gaps"):
        read_migrations(directory)


def test_a_number_may_not_be_there_twice(directory):
    (directory / "002_again.cql").write_text("")
    with pytest.raises(MigrationInvalid, match="without gaps"):
        read_migrations(directory)


@pytest.mark.parametrize("name", ["9_x.cql", "010-x.cql", "010_X.cql", "0100_x.cql"])
def test_a_badly_named_file_is_refused(directory, name):
    (directory / name).write_text("")
    with pytest.raises(MigrationInvalid, match=r"expected a file name like 004_totals.cql"):
        read_migrations(directory)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(MigrationInvalid, match="numbered from 001"):
        read_migrations(tmp_path)


def test_statements_are_split_where_they_end():
    text = """
    -- a remark; with a semicolon
    INSERT INTO a (b) VALUES ('it''s; quoted'); // another; one
    SELECT "x;y" FROM a /* and; a
    third */ WHERE b = 1
    """
    assert split(text) == [
        "INSERT INTO a (b) VALUES ('it''s; quoted')",
        'SELECT "x;y" FROM a  WHERE b = 1',
    ]
    assert split("-- nothing\n;;") == []


def test_parameters_are_filled_in_and_unknown_ones_refused():
    assert fill("USE {{keyspace}};", {"keyspace": "bank"}) == "USE bank;"
    with pytest.raises(MigrationInvalid, match="the file asks for 'kespace'"):
        fill("USE {{kespace}};", {"keyspace": "bank"})


@pytest.mark.parametrize("name", ["", "Bank", "1bank", "bank;drop", "bank-x", "b" * 49, 'ba"nk'])
def test_a_keyspace_name_that_needs_quotes_is_refused(name):
    with pytest.raises(MigrationInvalid, match="expected a keyspace name"):
        keyspace_name(name)


def test_a_replication_is_written_as_cql():
    wanted = {"class": "NetworkTopologyStrategy", "dc-1": 3}
    assert replication_map(wanted) == "{'class': 'NetworkTopologyStrategy', 'dc-1': '3'}"
    for wrong in ({"dc1": 3}, {"class": "Simple'Strategy"}, {"class": "S", "d;c": 1}):
        with pytest.raises(MigrationInvalid):
            replication_map(wrong)


def _migrate_and_stall(port, name, reached):
    """Run in a process that is to be killed: stops for ever in the middle of the migrations, holding the lock."""
    from include.stores.cassandra import migration_lock

    migration_lock.LEASE_SECONDS = 4
    session = connect([HOST], port)
    original, left = session.execute_async, [14]

    def execute_async(statement, *arguments, **named):
        left[0] -= 1
        if left[0] == 0:
            reached.set()
            time.sleep(300)
        return original(statement, *arguments, **named)

    session.execute_async = execute_async
    migrate(session, name, REPLICATION)


@pytest.mark.servers
def test_a_migrator_killed_with_the_lock_in_its_hand_is_waited_out(request, session, name):
    port = request.getfixturevalue("cassandra_address").port
    spawn = get_context("spawn")
    reached = spawn.Event()
    migrator = spawn.Process(target=_migrate_and_stall, args=(port, name, reached))
    migrator.start()
    assert reached.wait(60), "expected the migrator to be in the middle within 60 s"
    migrator.kill()
    migrator.join(10)
    applied = migrate(session, name, REPLICATION, wait_seconds=30)
    assert applied == SHIPPED[-len(applied) :]
    assert migrate(session, name, REPLICATION) == ()
