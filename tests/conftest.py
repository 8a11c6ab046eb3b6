"""Real servers for the tests: an embedded stack of their own, on free ports, beside any that runs already."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from include.local.ports import free_ports
from include.settings import HOST, PROJECT, Ports, Settings, settings

if TYPE_CHECKING:
    from include.stores.cassandra.address import CassandraAddress

#: One folder for all runs, so that `make test` can end what a killed run left behind.
STACK_DIR = PROJECT / ".local" / "test-stack"
SERVERS = ("kafka", "cassandra", "spark", "mailbox")
_MEMORY = {"KAFKA": 256, "CASSANDRA": 512, "SPARK": 768}


@contextmanager
def own_stack(folder: Path, **more: str) -> Iterator[Settings]:
    """Settings of a stack of one's own, on free ports and with nothing in it; also for every process started meanwhile.

    Parameters
    ----------
    folder
        Of its data; emptied first.
    more
        Other settings, by the names their variables have.
    """
    from include.local import stack

    names = list(Ports.model_fields)
    chosen = {
        "TIDEWATCH_STACK_DIR": str(folder),
        "TIDEWATCH_LAKE_URI": (folder / "lake").as_uri(),
        **{f"TIDEWATCH_{name}": value for name, value in more.items()},
        **{
            f"TIDEWATCH_PORTS__{name.upper()}": str(port)
            for name, port in zip(names, free_ports(len(names)), strict=True)
        },
    }
    before = {name: os.environ.get(name) for name in chosen}
    os.environ.update(chosen)
    settings.cache_clear()
    now = settings()
    stack.down(now, say=lambda _: None)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield now
    finally:
        stack.down(now, say=lambda _: None)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
        settings.cache_clear()


@pytest.fixture(scope="session")
def stack_settings() -> Iterator[Settings]:
    """Settings of the tests' own stack."""
    with own_stack(STACK_DIR, **{f"MEMORY__{name}": str(size) for name, size in _MEMORY.items()}) as now:
        yield now


@pytest.fixture(scope="session")
def servers(stack_settings: Settings) -> Settings:
    """Kafka, Cassandra, Spark Connect and the mailbox, all up."""
    from include.local import stack

    stack.up(stack_settings, only=SERVERS)
    return stack_settings


@pytest.fixture(scope="session")
def airflow(servers: Settings) -> Settings:
    """The whole stack, Airflow included."""
    from include.local import stack

    stack.up(servers)
    return servers


@dataclass(frozen=True)
class KafkaServer:
    """Where the broker is."""

    bootstrap: str

    def send(self, topic: str, records: Iterable[tuple[bytes, bytes]]) -> None:
        """Send (key, value) pairs and wait until the broker has them."""
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": self.bootstrap})
        for key, value in records:
            producer.produce(topic, value, key)
        assert producer.flush(30) == 0


@pytest.fixture(scope="session")
def kafka(servers: Settings) -> KafkaServer:
    """The broker."""
    return KafkaServer(f"{HOST}:{servers.ports.kafka}")


@pytest.fixture
def topics(kafka: KafkaServer) -> dict[str, str]:
    """The project's topics, by their names in the settings, for one test alone."""
    from include.transactions.topics import ensure_topics, topic_specs

    mark = uuid.uuid4().hex[:8]
    names = {name: f"{name}.{mark}" for name in ("transactions", "dead_letter", "labels")}
    ensure_topics(kafka.bootstrap, topic_specs(**names, partitions=3))
    return names


@pytest.fixture(scope="session")
def cassandra_address(servers: Settings) -> CassandraAddress:
    """Cassandra with a migrated keyspace that is not the chain's."""
    from include.stores.cassandra.address import CassandraAddress
    from include.stores.cassandra.migrations import migrate

    address = CassandraAddress((HOST,), servers.ports.cassandra, "tests")
    session = address.connect(with_keyspace=False)
    try:
        migrate(session, address.keyspace, {"class": "SimpleStrategy", "replication_factor": 1})
    finally:
        session.cluster.shutdown()
    return address


@pytest.fixture(scope="session")
def cassandra_session(cassandra_address: CassandraAddress) -> Iterator[Any]:
    """A session in that keyspace."""
    session = cassandra_address.connect()
    yield session
    session.cluster.shutdown()


@pytest.fixture(scope="session")
def spark(servers: Settings) -> Iterator[Any]:
    """A session on the Spark Connect server."""
    from pyspark.sql import SparkSession

    from include.spark.session import prepare

    address = f"sc://{HOST}:{servers.ports.spark_connect}/;user_id=tests"
    session = SparkSession.builder.remote(address).create()
    prepare(session)
    yield session
    # Before the server goes, or the client tries for minutes to take its leave.
    session.stop()
