"""The embedded stack as a cluster: who listens where, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from include.local.airflow_environment import airflow_environment
from include.local.airflow_settings import embedded, read
from include.local.clients import cassandra_client
from include.local.services import all_services
from include.local.services.cassandra import Cassandra
from include.local.services.kafka import Kafka
from include.settings import CLUSTER_NODES, SPARK_WORKERS, Settings
from include.transactions.topics import topic_specs


@pytest.fixture
def cluster(tmp_path: Path) -> Settings:
    return Settings(topology="cluster", stack_dir=tmp_path)


def test_several_of_what_can_be_several_and_none_in_the_others_way(cluster: Settings) -> None:
    services = all_services(cluster)
    names = [name.rstrip("0123456789").rstrip("-") for name in services]
    assert names.count("kafka") == names.count("cassandra") == CLUSTER_NODES
    assert names.count("spark-worker") == SPARK_WORKERS
    listening = [(one.host, port) for one in services.values() for port in one.ports.values()]
    assert len(listening) == len(set(listening))
    assert all(set(one.needs) <= set(services) for one in services.values())


def test_a_single_stack_is_what_it_was() -> None:
    services = all_services(Settings())
    assert {one.host for one in services.values()} == {"127.0.0.1"}
    assert not {"celery-worker", "spark-master", "kafka-2"} & set(services)


def test_brokers_keep_records_without_one_of_them(cluster: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kafka, "_format", lambda self: None)
    broker = Kafka(cluster, 2)
    broker.prepare()
    lines = (broker.folder / "server.properties").read_text().splitlines()
    config = dict(line.split("=", 1) for line in lines)
    assert (config["default.replication.factor"], config["min.insync.replicas"]) == ("3", "2")
    assert config["controller.quorum.voters"].count("@") == CLUSTER_NODES
    assert config["listeners"].startswith("PLAINTEXT://127.0.0.2:")
    # Topics that are made leave the number of copies to the brokers.
    assert {
        spec.replication_factor
        for spec in topic_specs(partitions=3, transactions="a", dead_letter="b", labels="c")
    } == {-1}


def test_nodes_know_each_other(cluster: Settings) -> None:
    node = Cassandra(cluster, 3)
    node.prepare()
    config = yaml.safe_load((node.folder / "cassandra.yaml").read_text())
    assert config["listen_address"] == config["rpc_address"] == "127.0.0.3"
    assert config["seed_provider"][0]["parameters"][0]["seeds"].count(",") == CLUSTER_NODES - 1
    assert cluster.replication == {"class": "NetworkTopologyStrategy", "datacenter1": 3}


def test_clients_are_told_of_all_of_them(cluster: Settings) -> None:
    assert cluster.brokers.count(",") == CLUSTER_NODES - 1
    assert cassandra_client(cluster, "pipeline").contact_points == cluster.hosts
    connections = {one.conn_id: embedded(one, cluster) for one in read().connections}
    assert connections["kafka_default"].conn_extra["bootstrap.servers"] == cluster.brokers
    assert connections["cassandra_default"].conn_host == ",".join(cluster.hosts)


def test_tasks_go_through_celery(cluster: Settings) -> None:
    environment = airflow_environment(cluster)
    assert environment["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert environment["AIRFLOW__CELERY__BROKER_URL"].startswith("sqla+postgresql")
    assert (
        airflow_environment(Settings(stack_dir=cluster.stack_dir))["AIRFLOW__CORE__EXECUTOR"]
        == "LocalExecutor"
    )


def test_a_secure_cluster_is_refused() -> None:
    with pytest.raises(ValidationError, match="expected single with the secure profile, got cluster"):
        Settings(topology="cluster", profile="secure")
