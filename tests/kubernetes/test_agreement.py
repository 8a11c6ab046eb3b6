"""What stands in deploy/kubernetes and in the code is the same."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.local.accounts import kafka_rights
from include.local.airflow_environment import LATENCY, airflow_environment
from include.local.airflow_settings import read
from include.local.services.cassandra import Cassandra
from include.local.services.kafka import Kafka
from include.local.services.spark import SparkConnect
from include.settings import PROJECT, Settings
from include.stores.cassandra.permissions import PARTS
from include.transactions.topics import topic_specs
from tests.kubernetes.manifests import FOLDER, of_kind, spark_settings, values, variables
from tests.named_settings import assert_names_a_setting

#: Of the embedded stack, and something else here on purpose.
ELSEWHERE = {
    "AIRFLOW__API__BASE_URL",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
    "TIDEWATCH_DESK_URL",
    "TIDEWATCH_LINK_KEYS",
    "TIDEWATCH_METRICS_TOKEN",
}


@pytest.fixture
def cluster(tmp_path: Path) -> Settings:
    return Settings(topology="cluster", stack_dir=tmp_path)


def test_latency_is_that_of_the_embedded_stack() -> None:
    assert {name: variables().get(name) for name in LATENCY} == LATENCY


def test_airflow_is_set_as_the_embedded_cluster(cluster: Settings) -> None:
    embedded, here = airflow_environment(cluster), variables()
    both = (embedded.keys() & here.keys()) - ELSEWHERE
    assert len(both) > len(LATENCY) + 10
    assert {name: here[name] for name in both} == {name: embedded[name] for name in both}
    assert values()["executor"] == embedded["AIRFLOW__CORE__EXECUTOR"]
    concurrency = str(values()["config"]["celery"]["worker_concurrency"])
    assert concurrency == embedded["AIRFLOW__CELERY__WORKER_CONCURRENCY"]
    # The chart asks workers whether they live by Celery's remote control, which the embedded queue cannot carry.
    assert "AIRFLOW__CELERY__WORKER_ENABLE_REMOTE_CONTROL" not in here


def test_only_workers_preload_and_begin_as_the_embedded_one_does() -> None:
    assert "TIDEWATCH_PRELOAD" not in variables()
    workers = values()["workers"]["celery"]
    assert {"name": "TIDEWATCH_PRELOAD", "value": "1"} in workers["env"]
    (module,) = re.findall(r"python -m ([\w.]+)", workers["args"][-1])
    file = PROJECT / f"{module.replace('.', '/')}.py"
    assert file.exists()
    # Neither it nor its package needs what only the embedded stack has.
    for path in (file, file.with_name("__init__.py")):
        imported = {
            name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in ([node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
        }
        assert {str(name).partition(".")[0] for name in imported} <= {"__future__", "sys", "airflow"}
    assert "include" not in (PROJECT / ".dockerignore").read_text().split()


NAMED = sorted(
    {
        name
        for path in [*FOLDER.rglob("*.yaml"), PROJECT / "docs" / "kubernetes.md"]
        for name in re.findall(r"\bTIDEWATCH_[A-Z0-9_]*[A-Z0-9]\b(?!…)", path.read_text())
    }
    - {"TIDEWATCH_PRELOAD"}  # asked for by plugins/preload.py alone
)


@pytest.mark.parametrize("name", NAMED)
def test_variable_is_a_setting(name: str) -> None:
    assert_names_a_setting(name)


def test_settings_are_taken_and_work_together(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "x" * 32
    for name, value in variables().items():
        if name.startswith("TIDEWATCH_"):
            monkeypatch.setenv(name, long if value.startswith("<") else value)
    now = Settings()
    centre = of_kind("CassandraDatacenter")["datacenter1"]
    copies = len(centre["spec"]["racks"])
    assert now.replication == {"class": "NetworkTopologyStrategy", centre["metadata"]["name"]: copies}
    assert centre["spec"]["size"] == copies == 3
    assert now.lake.startswith("hdfs://")
    # Spark's workers have none of our packages.
    assert now.stream.spark_from_rows > now.stream.max_offsets_per_batch
    assert variables()["AIRFLOW__API__BASE_URL"] in now.desk_url
    (host,) = [each["name"] for each in values()["ingress"]["apiServer"]["hosts"]]
    assert now.desk_url.startswith(f"https://{host}/")
    # Who Spark is on HDFS is who the tasks are there.
    assert spark_settings()["spark.executorEnv.HADOOP_USER_NAME"] == now.lake.split("@")[0].split("//")[1]


def test_spark_is_set_as_the_embedded_one(tmp_path: Path) -> None:
    secure = SparkConnect(Settings(profile="secure", stack_dir=tmp_path)).configuration()
    clustered = SparkConnect(Settings(topology="cluster", stack_dir=tmp_path)).configuration()
    embedded, here = clustered | secure, spark_settings()
    places = {
        "spark.master", "spark.driver.bindAddress", "spark.driver.host", "spark.local.dir", "spark.sql.warehouse.dir",
        "spark.executor.memory", "spark.connect.grpc.binding.port",
    }  # fmt: skip
    both = (embedded.keys() & here.keys()) - places
    assert {name: here[name] for name in both} == {name: embedded[name] for name in both}
    # Local files alone have a class of their own; workers in Python there are none.
    left_out = {"spark.hadoop.fs.file.impl", "spark.connect.authenticate.token"}
    decide = {name for name in embedded if name.startswith(("spark.sql.", "spark.hadoop.", "spark.connect."))}
    assert decide - left_out <= here.keys()
    assert "spark.connect.authenticate.token" not in here


def test_spark_listens_where_it_is_looked_for() -> None:
    settings, services = spark_settings(), of_kind("Service")
    pod = of_kind("Deployment")["spark-connect"]["spec"]["template"]["spec"]
    ports = {
        port["name"]: port["containerPort"] for container in pod["containers"] for port in container["ports"]
    }
    assert int(settings["spark.driver.port"]) == ports["driver"]
    assert settings["spark.driver.blockManager.port"] == settings["spark.blockManager.port"]
    assert int(settings["spark.blockManager.port"]) == ports["blocks"]
    driver = services["spark-connect-driver"]
    assert settings["spark.driver.host"].split(".")[:2] == [driver["metadata"]["name"], "tidewatch"]
    assert {port["port"] for port in driver["spec"]["ports"]} == {ports["driver"], ports["blocks"]}
    (connect,) = services["spark-connect"]["spec"]["ports"]
    wanted = next(each for each in read().connections if each.conn_id == "spark_connect_default")
    assert (connect["port"], connect["targetPort"]) == (wanted.conn_port, "connect")
    assert wanted.conn_host == "spark-connect"
    proxy = of_kind("ConfigMap")["spark-connect"]["data"]["nginx.conf"]
    assert f"listen {ports['connect']} ssl;" in proxy
    local = settings["spark.connect.grpc.binding.address"], settings["spark.connect.grpc.binding.port"]
    assert f"grpc_pass grpc://{':'.join(local)};" in proxy
    spark = next(container for container in pod["containers"] if container["name"] == "spark")
    assert settings["spark.kubernetes.container.image"] == spark["image"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert f"/dev/tcp/{'/'.join(local)}" in spark[probe]["exec"]["command"][-1]
    accounts = of_kind("ServiceAccount")
    assert {
        pod["serviceAccountName"],
        settings["spark.kubernetes.authenticate.executor.serviceAccountName"],
    } == set(accounts)


def _set(value: Any) -> Any:
    return set(value.split(",")) if isinstance(value, str) and "," in value else value


def test_topics_are_those_the_project_makes() -> None:
    now = Settings()
    specs = topic_specs(
        transactions=now.topics.transactions, dead_letter=now.topics.dead_letter, labels=now.topics.labels,
        partitions=now.topic_partitions, retention=now.stream.retention,
    )  # fmt: skip
    topics = of_kind("KafkaTopic")
    assert set(topics) == {spec.name for spec in specs}
    for spec in specs:
        given = topics[spec.name]["spec"]
        assert {name: _set(value) for name, value in given["config"].items()} == {
            name: _set(value) for name, value in spec.config().items()
        }
        assert (given["partitions"], given["replicas"]) == (spec.partitions, 3)
    assert variables()["TIDEWATCH_TOPIC_PARTITIONS"] == str(now.topic_partitions)


def test_brokers_are_set_as_those_of_the_embedded_cluster(
    cluster: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Kafka, "_format", lambda self: None)
    broker = Kafka(cluster, 1)
    broker.prepare()
    lines = (broker.folder / "server.properties").read_text().splitlines()
    embedded = dict(line.split("=", 1) for line in lines)
    given = of_kind("Kafka")["tidewatch"]["spec"]["kafka"]["config"]
    both = embedded.keys() & given.keys()
    assert {name: str(given[name]) for name in both} == {name: embedded[name] for name in both}
    assert {"min.insync.replicas", "log.message.timestamp.type", "auto.create.topics.enable"} <= both
    # Strimzi refuses these, as it sets them itself.
    own = (
        "listeners",
        "advertised.",
        "broker.",
        "listener.",
        "sasl.",
        "ssl.",
        "security.",
        "authorizer.",
        "log.dir",
    )
    assert [name for name in given if name.startswith(own)] == []
    assert of_kind("KafkaNodePool")["node"]["spec"]["replicas"] == given["default.replication.factor"]


def test_kafka_users_have_the_rights_of_the_secure_profile() -> None:
    names = {"TOPIC": "topic", "GROUP": "group", "TRANSACTIONAL_ID": "transactionalId"}
    wanted = {
        (f"kafka-{right.user}", names[right.resource.name], right.name, right.is_prefix, operation.name)
        for right in kafka_rights(Settings().topics)
        for operation in right.operations
    }
    given = {
        (
            user, acl["resource"]["type"], acl["resource"]["name"], acl["resource"]["patternType"] == "prefix",
            re.sub(r"(?<!^)(?=[A-Z])", "_", operation).upper(),
        )
        for user, manifest in of_kind("KafkaUser").items()
        for acl in manifest["spec"]["authorization"]["acls"]
        for operation in acl["operations"]
    }  # fmt: skip
    assert given == wanted
    (listener,) = of_kind("Kafka")["tidewatch"]["spec"]["kafka"]["listeners"]
    kinds = {manifest["spec"]["authentication"]["type"] for manifest in of_kind("KafkaUser").values()}
    assert {listener["authentication"]["type"]} == kinds == {"scram-sha-512"}
    assert listener["tls"] is True


def test_cassandra_is_set_as_the_embedded_one(tmp_path: Path) -> None:
    node = Cassandra(Settings(profile="secure", stack_dir=tmp_path))
    # Certificates are files of the stack's; which ones does not matter here.
    node.prepare()
    embedded = yaml.safe_load((node.folder / "cassandra.yaml").read_text())
    given = of_kind("CassandraDatacenter")["datacenter1"]["spec"]["config"]["cassandra-yaml"]
    own = {"num_tokens", "client_encryption_options", "server_encryption_options"}
    both = (embedded.keys() & given.keys()) - own
    assert {name: given[name] for name in both} == {name: embedded[name] for name in both}
    assert {
        "batch_size_fail_threshold",
        "authorizer",
        "write_request_timeout",
        "commitlog_sync_period",
    } <= both
    for options in ("client_encryption_options", "server_encryption_options"):
        assert given[options]["ssl_context_factory"] == embedded[options]["ssl_context_factory"]
    assert given["client_encryption_options"]["optional"] is False
    assert given["server_encryption_options"]["internode_encryption"] == "all"


def test_cassandra_has_a_role_for_each_part() -> None:
    users = of_kind("CassandraDatacenter")["datacenter1"]["spec"]["users"]
    assert {each["secretName"] for each in users} == {
        f"tidewatch-cassandra-{part}" for part in ("admin", *PARTS)
    }
    assert [each for each in users if each["superuser"]] == []


def test_pools_and_variables_are_those_of_airflow_settings() -> None:
    folder, wanted = FOLDER / "pools-and-variables", read()
    pools = json.loads((folder / "pools.json").read_text())
    assert pools == {
        each.pool_name: {
            "slots": each.pool_slot,
            "description": each.pool_description,
            "include_deferred": False,
        }
        for each in wanted.pools
    }
    assert json.loads((folder / "variables.json").read_text()) == {
        each.variable_name: json.loads(each.variable_value) for each in wanted.variables
    }
