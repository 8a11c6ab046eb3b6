"""What the secure profile changes, as far as it shows without a server."""

from __future__ import annotations

import stat
from dataclasses import asdict
from pathlib import Path

import pytest
from confluent_kafka.admin import AclOperation, ResourceType

from include.local.accounts import kafka_rights
from include.local.airflow_environment import airflow_environment
from include.local.airflow_settings import embedded, of_parts, read
from include.local.as_reader import reader_environment
from include.local.clients import kafka_client, socket_folder, spark_url
from include.local.errors import SetupError
from include.local.secrets import load_secrets
from include.local.services.base import Service, write_private
from include.local.services.cassandra import Cassandra
from include.local.services.kafka import Kafka
from include.local.services.mailbox import Mailbox
from include.local.services.postgres import Postgres
from include.local.services.spark import SparkConnect
from include.local.stack import check_profile
from include.orchestration import connections
from include.settings import PROJECT, Settings, SettingsRefused, Topics
from include.transactions.offsets import client_settings


@pytest.fixture
def secure(tmp_path: Path) -> Settings:
    return Settings(profile="secure", stack_dir=tmp_path)


def test_each_profile_has_a_stack_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TIDEWATCH_STACK_DIR", raising=False)
    monkeypatch.delenv("TIDEWATCH_PROFILE", raising=False)
    assert Settings().stack_dir == PROJECT / ".local" / "stack"
    assert Settings(profile="secure").stack_dir == PROJECT / ".local" / "stack-secure"
    monkeypatch.setenv("TIDEWATCH_STACK_DIR", str(tmp_path))
    assert Settings(profile="secure").stack_dir == tmp_path


def test_a_stack_made_in_one_profile_is_refused_by_the_other(tmp_path: Path, secure: Settings) -> None:
    check_profile(secure)
    check_profile(secure)
    with pytest.raises(SetupError, match="made as secure"):
        check_profile(Settings(profile="open", stack_dir=tmp_path))
    older = tmp_path / "older"
    (older / "kafka").mkdir(parents=True)  # made before there were profiles
    with pytest.raises(SetupError, match="made as open"):
        check_profile(Settings(profile="secure", stack_dir=older))
    check_profile(Settings(profile="open", stack_dir=older))


def test_connections_of_the_secure_profile_have_a_login_each(secure: Settings) -> None:
    ours = [embedded(connection, secure) for connection in read().connections]
    made = {one.conn_id: one for one in [*ours, *of_parts(ours, secure)]}
    wanted = {
        value
        for name, value in vars(connections).items()
        if name.startswith(("KAFKA", "CASSANDRA")) and name.isupper()
    }
    assert {name for name in made if name.startswith(("kafka", "cassandra"))} == wanted
    logins = [(one.conn_type, one.conn_login) for one in made.values() if one.conn_id in wanted]
    assert len(set(logins)) == len(logins)
    assert all(made[name].conn_password for name in wanted | {"spark_connect_default", "smtp_default"})
    assert all(made[name].conn_extra["security.protocol"] == "SASL_SSL" for name in wanted if "kafka" in name)
    secrets = load_secrets(secure.stack_dir)
    assert made["cassandra_desk"].conn_password == secrets.cassandra_desk
    assert "roles" in made["cassandra_admin"].conn_extra
    assert "roles" not in made["cassandra_desk"].conn_extra


def test_the_open_profile_needs_no_login(tmp_path: Path) -> None:
    now = Settings(profile="open", stack_dir=tmp_path)
    ours = [embedded(connection, now) for connection in read().connections]
    assert of_parts(ours, now) == []
    assert {one.conn_login for one in ours if one.conn_type in ("kafka", "cassandra")} == {None}
    assert set(kafka_client(now, "bank")) == {"bootstrap.servers"}
    assert reader_environment(now) == {}
    assert "token" not in spark_url(now)
    assert airflow_environment(now)["AIRFLOW__API__BASE_URL"].startswith("http://")


def test_the_bank_reads_nothing_and_nobody_writes_what_the_pipeline_reads_but_bank_and_desk() -> None:
    topics = Topics()
    rights = [right for right in kafka_rights(topics) if right.resource is ResourceType.TOPIC]
    assert not any(AclOperation.READ in right.operations for right in rights if right.user == "bank")
    writers = {
        right.user for right in rights if right.name == topics.transactions and _writes(right.operations)
    }
    assert writers == {"bank", "desk"}
    assert not any(AclOperation.ALL in right.operations for right in kafka_rights(topics))


def _writes(operations: tuple[AclOperation, ...]) -> bool:
    return AclOperation.WRITE in operations


def test_the_reader_of_kafka_is_let_in_by_its_environment(
    secure: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in reader_environment(secure).items():
        monkeypatch.setenv(name, value)
    assert client_settings(secure.brokers) == kafka_client(secure, "reader")
    assert kafka_client(secure, "reader")["sasl.username"] == "reader"


@pytest.mark.parametrize("value", ["not-JSON-s3cret", '["s3cret"]'])
def test_a_login_that_cannot_be_read_is_refused_and_not_shown(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEWATCH_KAFKA_OPTIONS", value)
    with pytest.raises(SettingsRefused, match="TIDEWATCH_KAFKA_OPTIONS: expected a JSON object") as refused:
        client_settings("broker:9092")
    assert "s3cret" not in str(refused.value)


def test_the_reader_writes_nothing_and_reads_no_labels() -> None:
    rights = [right for right in kafka_rights(Topics()) if right.user == "reader"]
    operations = {operation for right in rights for operation in right.operations}
    assert operations == {AclOperation.READ, AclOperation.DESCRIBE}
    topics = {right.name for right in rights if right.resource is ResourceType.TOPIC}
    assert topics == {Topics().transactions, Topics().dead_letter}


def test_who_reads_a_topic_may_ask_where_the_group_of_its_readers_is() -> None:
    """``reading.read_between`` is one of them: librdkafka fails where it is not told so."""
    rights = kafka_rights(Topics())
    readers = {
        (right.user, f"{right.name}-reader")
        for right in rights
        if right.resource is ResourceType.TOPIC
        and AclOperation.READ in right.operations
        and not right.is_prefix
    }
    groups = {(right.user, right.name) for right in rights if right.resource is ResourceType.GROUP}
    assert readers - groups == set()


def test_a_deep_folder_does_not_make_the_sockets_path_too_long(tmp_path: Path) -> None:
    deep = Settings(profile="secure", stack_dir=tmp_path / ("x" * 60) / ("y" * 60))
    other = Settings(profile="secure", stack_dir=tmp_path / ("x" * 60) / ("z" * 60))
    assert len(str(socket_folder(deep))) <= 90
    assert socket_folder(deep) != socket_folder(other)


def test_files_with_secrets_are_for_their_owner(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.servers  # for their jars
@pytest.mark.parametrize("server", [Kafka, Cassandra, SparkConnect, Mailbox, Postgres])
def test_no_password_is_on_a_command_line(server: type[Service], secure: Settings) -> None:
    known = asdict(load_secrets(secure.stack_dir)).values()
    line = " ".join(server(secure.model_copy(update={"jars_dir": PROJECT / ".local" / "jars"})).command())
    assert [value for value in known if value in line] == []
