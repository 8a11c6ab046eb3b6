"""The servers beside Airflow: same versions, same names and same settings as everywhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from include.local.airflow_environment import airflow_environment
from include.local.jars import CASSANDRA_VERSION, KAFKA_VERSION
from include.local.services.spark import SparkConnect
from include.settings import Settings
from tests.astro.files import image_tag, locked, read_yaml, services, spark_options

#: Services of the compose file that Astro writes itself.
ASTRO = {"postgres", "db-migration", "scheduler", "dag-processor", "api-server", "triggerer"}
SERVERS = sorted(set(services()) - ASTRO)


def test_versions_are_those_of_the_embedded_stack() -> None:
    assert image_tag("kafka", "apache/kafka") == KAFKA_VERSION
    assert image_tag("cassandra", "cassandra") == CASSANDRA_VERSION
    assert image_tag("spark-connect", "apache/spark") == locked()["pyspark"]


def test_spark_loads_its_own_kafka_connector() -> None:
    spark = image_tag("spark-connect", "apache/spark")
    assert spark_options()["--packages"] == f"org.apache.spark:spark-sql-kafka-0-10_2.13:{spark}"


def test_spark_is_configured_as_in_the_embedded_stack(tmp_path: Path) -> None:
    embedded = SparkConnect(Settings(stack_dir=tmp_path)).configuration()
    options = spark_options()
    decide_the_result = [
        name
        for name in embedded
        if name.startswith(("spark.sql.", "spark.hadoop."))
        # Its own place; and a class that spark-submit asks for before it has added any package.
        and name not in ("spark.sql.warehouse.dir", "spark.hadoop.fs.file.impl")
    ]
    assert {name: options.get(name) for name in decide_the_result} == {
        name: embedded[name] for name in decide_the_result
    }


@pytest.mark.parametrize("name", SERVERS)
def test_server_is_pinned_checked_and_reachable(name: str) -> None:
    service = services()[name]
    assert service["image"].rpartition(":")[2] not in ("", "latest")
    assert service["networks"] == ["airflow"]
    assert service["healthcheck"]["test"]
    assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", []))


def test_connections_name_services() -> None:
    hosts: set[str] = set()
    for connection in read_yaml("airflow_settings.yaml")["airflow"]["connections"]:
        hosts |= {connection["conn_host"]} if "conn_host" in connection else set()
        brokers = (connection.get("conn_extra") or {}).get("bootstrap.servers")
        hosts |= {broker.rpartition(":")[0] for broker in brokers.split(",")} if brokers else set()
    assert hosts <= {*services(), *ASTRO}
    assert hosts >= {"kafka", "cassandra", "spark-connect", "mailbox"}


def test_kafka_advertises_the_address_of_its_connection() -> None:
    (kafka,) = [
        connection["conn_extra"]
        for connection in read_yaml("airflow_settings.yaml")["airflow"]["connections"]
        if connection["conn_type"] == "kafka"
    ]
    advertised = services()["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert advertised == f"{kafka['security.protocol']}://{kafka['bootstrap.servers']}"


def test_spark_listens_on_the_port_of_its_connection() -> None:
    (spark,) = [
        connection
        for connection in read_yaml("airflow_settings.yaml")["airflow"]["connections"]
        if connection["conn_type"] == "spark_connect"
    ]
    assert spark_options()["spark.connect.grpc.binding.port"] == str(spark["conn_port"])


def test_kafka_keeps_the_brokers_time_and_makes_no_topic_by_itself() -> None:
    environment = services()["kafka"]["environment"]
    assert environment["KAFKA_LOG_MESSAGE_TIMESTAMP_TYPE"] == "LogAppendTime"
    assert environment["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_lake_is_one_volume_under_one_path() -> None:
    all_services = services()
    mounts = {name: _lake_of(service) for name, service in all_services.items() if _lake_of(service)}
    assert set(mounts) == {"scheduler", "triggerer", "spark-connect"}
    (path,) = set(mounts.values())
    told = {name: _environment(service).get("TIDEWATCH_LAKE_URI") for name, service in all_services.items()}
    # The dag processor makes the trigger's arguments.
    readers = {"scheduler", "triggerer", "dag-processor"}
    assert {name for name, uri in told.items() if uri} == readers
    assert {told[name] for name in readers} == {f"file://{path}"}


def test_people_sign_in_and_have_the_roles_of_the_embedded_stack(tmp_path: Path) -> None:
    """Astro's own compose file makes everybody an administrator; what stands here is merged over it."""
    theirs = {name: _environment(service) for name, service in services().items() if name in ASTRO}
    assert set(theirs) == {
        "api-server",
        "scheduler",
        "triggerer",
        "dag-processor",
    }  # all that run Airflow's code
    assert {now["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"] for now in theirs.values()} == {"False"}
    embedded = airflow_environment(Settings(stack_dir=tmp_path))
    users = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"
    assert {now[users] for now in theirs.values()} == {embedded[users]}


def test_only_the_scheduler_preloads() -> None:
    preloading = {
        name for name, service in services().items() if "TIDEWATCH_PRELOAD" in _environment(service)
    }
    assert preloading == {"scheduler"}
    assert _environment(services()["scheduler"])["TIDEWATCH_PRELOAD"] == "1"


def test_no_batch_is_scored_in_an_image_without_our_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _environment(services()["scheduler"]).items():
        monkeypatch.setenv(name, value)
    stream = Settings().stream
    assert stream.spark_from_rows > stream.max_offsets_per_batch


def test_volumes_are_declared() -> None:
    used = {
        volume.partition(":")[0] for service in services().values() for volume in service.get("volumes", [])
    }
    assert used == set(read_yaml("docker-compose.override.yml")["volumes"])


def _environment(service: dict[str, Any]) -> dict[str, str]:
    return dict(service.get("environment", {}))


def _lake_of(service: dict[str, Any]) -> str | None:
    mounts = [volume.partition(":") for volume in service.get("volumes", [])]
    return next((path for name, _, path in mounts if name == "tidewatch_lake"), None)


def test_no_service_gains_rights_and_only_two_keep_those_of_root() -> None:
    ours = {name: service for name, service in services().items() if "image" in service}
    assert all(service["security_opt"] == ["no-new-privileges:true"] for service in ours.values())
    with_rights = {name for name, service in ours.items() if service.get("cap_drop") != ["ALL"]}
    assert with_rights == {"cassandra", "spark-connect"}
    assert ours["mailbox"]["read_only"] is True
