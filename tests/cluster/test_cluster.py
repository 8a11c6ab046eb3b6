"""The same project on several brokers, nodes and workers: the demo passes, and goes on without one of each."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from include.local import stack
from include.local.clients import cassandra_client, kafka_client
from include.local.supervision import Supervision
from include.settings import CLUSTER_NODES, PROJECT, Settings
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage
from tests.conftest import own_stack
from tests.end_to_end.demos import is_through, record_of, run_demo, start_demo, wait_for_first_batch

pytestmark = [pytest.mark.servers, pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(2_400)]

STACK_DIR = PROJECT / ".local" / "test-stack-cluster"
RECORDS = 1_000
#: One of each is killed.
VICTIMS = ("kafka-2", "cassandra-3", "spark-worker-2")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Settings]:
    """A cluster that is up; batches are scored in Spark's workers."""
    more = {
        "MEMORY__KAFKA": "256",
        "MEMORY__CASSANDRA": "512",
        "MEMORY__SPARK": "768",
        "STREAM__SPARK_FROM_ROWS": "100",
    }
    with own_stack(STACK_DIR, TOPOLOGY="cluster", **more) as now:
        stack.up(now)
        yield now
    shutil.rmtree(STACK_DIR, ignore_errors=True)


@pytest.fixture(scope="module")
def demo(cluster: Settings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The record of a demo on it."""
    return run_demo(tmp_path_factory.mktemp("demo"), RECORDS)


def test_the_demo_passes(demo: dict[str, Any]) -> None:
    is_through(demo)


def test_every_record_and_every_row_has_three_places(cluster: Settings, demo: dict[str, Any]) -> None:
    topics = AdminClient(kafka_client(cluster, "admin")).list_topics(timeout=30).topics
    for name in (cluster.topics.transactions, cluster.topics.labels, cluster.topics.dead_letter):
        assert {len(one.replicas) for one in topics[name].partitions.values()} == {CLUSTER_NODES}
    session = cassandra_client(cluster, "reader").connect()
    try:
        (row,) = session.execute(
            "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = %s", [cluster.keyspace]
        )
        assert row.replication["datacenter1"] == str(CLUSTER_NODES)
        assert len(list(session.execute("SELECT peer FROM system.peers_v2"))) == CLUSTER_NODES - 1
    finally:
        session.cluster.shutdown()


def test_the_workers_have_worked(cluster: Settings, demo: dict[str, Any]) -> None:
    for number in (1, 2):
        work = cluster.stack_dir / f"spark-worker-{number}" / "work"
        assert list(work.glob("app-*/*/stderr")), (
            f"expected an executor of spark-worker-{number}, found none in {work}"
        )


def test_one_of_each_killed_loses_nothing(cluster: Settings, demo: dict[str, Any], tmp_path: Path) -> None:
    ledger = BatchLedger(Lake(cluster.lake))
    before = ledger.cursor(Stage.ACCEPTED).next_batch
    process = start_demo(tmp_path / "demo.json", seed=3, records=3 * RECORDS)
    wait_for_first_batch(process, ledger, before, 600)
    for victim in VICTIMS:
        os.kill(Supervision(cluster).states()[victim]["pid"], signal.SIGKILL)
        time.sleep(5)
    record = record_of(process, tmp_path / "demo.json")
    assert record["balanced"]
    assert set(VICTIMS) <= set(record["restarts"])
