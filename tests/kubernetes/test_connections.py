"""Connections that the values make of variables: those the code asks for, in a form it understands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from include.local.airflow_settings import read
from include.orchestration import connections as asked
from include.settings import settings
from include.spark.kafka_source import source_options
from tests.kubernetes.manifests import DOCUMENT, connections, of_kind, values, variables


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The variables of an Airflow container; a secret's value is where it comes from."""
    for name, value in variables().items():
        if name.startswith("AIRFLOW_CONN_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("TIDEWATCH_LAKE_URI", tmp_path.as_uri())
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_every_connection_has_a_place_it_comes_from() -> None:
    wanted = {each.conn_id for each in read().connections}
    of_parts = {
        asked.KAFKA_ADMIN, asked.KAFKA_BANK, asked.KAFKA_DESK,
        asked.CASSANDRA_ADMIN, asked.CASSANDRA_DESK, asked.CASSANDRA_READER,
    }  # fmt: skip
    in_variables = {*connections(), asked.METADATA}
    assert variables()["AIRFLOW_CONN_AIRFLOW_METADATA"] == "<tidewatch-metadata:connection>"
    in_channels = {name.lower() for name in re.findall(r"AIRFLOW_CONN_(\w+_DEFAULT)", DOCUMENT.read_text())}
    assert in_variables | in_channels >= wanted | of_parts
    assert in_variables <= wanted | of_parts
    assert in_variables & in_channels == set()


def test_each_is_of_the_kind_it_has_elsewhere() -> None:
    kinds = {each.conn_id: each.conn_type for each in read().connections}
    for name, given in connections().items():
        default = name if name in kinds else f"{name.partition('_')[0]}_default"
        assert given["conn_type"] == kinds[default]


def test_what_a_variable_is_made_of_comes_before_it() -> None:
    """Kubernetes leaves ``$(NAME)`` as it is if it does not know the name yet."""
    assert [name for name, value in variables().items() if "$(" in value] == []


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("part", ["default", "admin", "bank", "desk"])
def test_kafka_is_understood_by_both_clients(part: str) -> None:
    config = asked.kafka_config(f"kafka_{part}")
    user = "kafka-pipeline" if part == "default" else f"kafka-{part}"
    assert config["sasl.username"] == user
    assert config["sasl.password"] == f"<{user}:password>"
    cluster = of_kind("Kafka")["tidewatch"]
    (listener,) = cluster["spec"]["kafka"]["listeners"]
    address = f"{cluster['metadata']['name']}-kafka-bootstrap:{listener['port']}"
    assert config["bootstrap.servers"] == address
    options = source_options(config)
    assert options["kafka.security.protocol"] == "SASL_SSL"
    assert options["kafka.sasl.mechanism"] == "SCRAM-SHA-512"
    assert options["kafka.ssl.truststore.location"] == "/etc/tidewatch/authorities/kafka.crt"


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("part", ["default", "admin", "desk", "reader"])
def test_cassandra_is_understood(part: str) -> None:
    address = asked.cassandra_address(f"cassandra_{part}")
    role = "pipeline" if part == "default" else part
    assert (address.username, address.password) == (role, f"<tidewatch-cassandra-{role}:password>")
    centre = of_kind("CassandraDatacenter")["datacenter1"]
    service = f"{centre['spec']['clusterName']}-{centre['metadata']['name']}-service"
    assert (address.contact_points, address.port) == ((service,), 9042)
    assert address.keyspace == settings().keyspace
    assert address.ca_file == "/etc/tidewatch/authorities/cassandra.crt"


def test_the_address_of_the_database_serves_the_clean_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk import Connection

    from include.orchestration.upkeep import _sqlalchemy_address

    (address,) = re.findall(r'connection="(postgresql:[^"]+)"', DOCUMENT.read_text())
    monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_METADATA", address.replace("$POSTGRES_PASSWORD", "p-w_d"))
    made = _sqlalchemy_address(Connection.get(asked.METADATA))
    assert made == "postgresql+psycopg2://airflow:p-w_d@postgres.bank.example:5432/airflow"


@pytest.mark.usefixtures("environment")
def test_roles_get_their_rights() -> None:
    assert asked.cassandra_roles() == {part: part for part in ("pipeline", "desk", "reader")}


@pytest.mark.usefixtures("environment")
def test_spark_is_reached_with_tls_and_a_token() -> None:
    from airflow.providers.apache.spark.hooks.spark_connect import SparkConnectHook
    from pyspark.sql.connect.client.core import DefaultChannelBuilder

    builder = DefaultChannelBuilder(SparkConnectHook(asked.SPARK).get_connection_url())
    assert builder.endpoint == "spark-connect:15002"
    assert builder.use_ssl is True
    assert builder.token == "<tidewatch-spark:token>"


def test_files_of_authorities_are_where_they_are_looked_for() -> None:
    given = values()
    (mount,) = given["volumeMounts"]
    (volume,) = given["volumes"]
    there = {
        f"{mount['mountPath']}/{item['path']}": source["secret"]["name"]
        for source in volume["projected"]["sources"]
        for item in source["secret"]["items"]
    }
    told = set(re.findall(r"/etc/tidewatch/authorities/[\w.]+", " ".join(variables().values())))
    assert set(there) == told
    # Of a Secret that holds a server's key only the authority is taken.
    taken = {item["key"] for source in volume["projected"]["sources"] for item in source["secret"]["items"]}
    assert taken == {"ca.crt"}
    # Spark's driver and executors read Kafka's under the same path.
    pod = of_kind("Deployment")["spark-connect"]["spec"]["template"]["spec"]
    executor = yaml.safe_load(of_kind("ConfigMap")["spark-connect"]["data"]["executor.yaml"])["spec"]
    for spec in (pod, executor):
        (source,) = next(each for each in spec["volumes"] if each["name"] == "authorities")["projected"][
            "sources"
        ]
        (item,) = source["secret"]["items"]
        mounts = {
            each["mountPath"]
            for container in spec["containers"]
            for each in container.get("volumeMounts", [])
            if each["name"] == "authorities"
        }
        assert mounts == {mount["mountPath"]}
        assert there[f"{mount['mountPath']}/{item['path']}"] == source["secret"]["name"]
