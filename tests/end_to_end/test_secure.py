"""The secure profile: the demo passes, people can work, and whoever may not is refused by each running server."""

from __future__ import annotations

import json
import mmap
import re
import shutil
import smtplib
import socket
import ssl
import stat
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg2
import pytest
from cassandra import Unauthorized
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from include.cases.suppressions import Scope
from include.governance.incidents import open_incidents
from include.local.airflow_api import AirflowApi
from include.local.airflow_environment import address
from include.local.clients import (
    CassandraRole,
    authority,
    cassandra_client,
    http_context,
    kafka_client,
    socket_folder,
    spark_url,
)
from include.local.secrets import load_secrets
from include.orchestration import probes
from include.settings import HOST, PROJECT, Settings
from include.stores.cassandra.address import CassandraAddress
from include.stores.cassandra.errors import StoreUnavailable
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger
from include.stores.lake.names import LABELS
from include.telemetry.catalogue import LAG, OLDEST
from include.transactions.offsets import TopicOffsets
from tests.conftest import own_stack
from tests.end_to_end.demos import is_through, run_demo
from tests.end_to_end.observed import metrics_of, ways_of
from tests.end_to_end.secure_clients import REFUSED, errors_of, person, read, write

pytestmark = [pytest.mark.servers, pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(900)]

STACK_DIR = PROJECT / ".local" / "test-stack-secure"
RECORDS = 1_000
#: Where secrets have to stand, for the servers to know them.
KNOWING = {"secrets.json", "airflow/passwords.json", "kafka/server.properties", "spark/spark.conf"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, dict[str, Any]]]:
    """A secure stack, and the record of the demo that ran on it."""
    # Batches are scored in Spark's workers, which then log in to Cassandra themselves.
    more = {"MEMORY__CASSANDRA": "512", "MEMORY__SPARK": "768", "STREAM__SPARK_FROM_ROWS": "100"}
    with own_stack(STACK_DIR, PROFILE="secure", **more) as now:
        yield now, run_demo(tmp_path_factory.mktemp("demo"), RECORDS)
    shutil.rmtree(STACK_DIR, ignore_errors=True)


@pytest.fixture(scope="module")
def now(demo: tuple[Settings, dict[str, Any]]) -> Settings:
    """Its settings."""
    return demo[0]


def test_the_demo_passes(demo: tuple[Settings, dict[str, Any]]) -> None:
    is_through(demo[1])


def test_no_incident_is_open(now: Settings) -> None:
    lake, end = Lake(now.lake), time.monotonic() + 90
    assert set(lake.names("watch/observers")) == {"sweep.json", "desk.json", "triggerer.json"}
    while still := open_incidents(lake):  # one that is over is cleared at the observers' next look
        assert time.monotonic() < end, still
        time.sleep(2)
    components = ("api_server", "metadatabase", "scheduler", "triggerer", "dag_processor")
    assert probes.airflow(address(now), [authority(now)]) == dict.fromkeys(components)


def test_a_record_that_waits_is_seen_in_the_metrics_and_traced(now: Settings) -> None:
    airflow, topic = AirflowApi(now), now.topics.transactions
    airflow.pause("process_transactions", True)
    try:
        end = time.monotonic() + 120
        while any(run["state"] in ("queued", "running") for run in airflow.runs("process_transactions")):
            assert time.monotonic() < end, "waited 120 s for the runs of process_transactions to end"
            time.sleep(1)
        assert write(now, "bank", topic) is None
        found = metrics_of(now)  # of all parts: one that cannot be read fails here
        (lagging,) = [key[1] for key, lag in found.items() if key[0] == LAG.name and lag]
        assert found[OLDEST.name, topic] > 0
        with TopicOffsets(kafka_client(now, "reader"), topic) as offsets:
            place = f"{lagging}:{offsets.ends()[int(lagging)] - 1}"
        (way,) = ways_of("--offset", place)
        assert (way["outcome"], [note for note in way["notes"] if "not asked" in note]) == ("waiting", [])
    finally:
        airflow.pause("process_transactions", False)


# People


def test_an_analyst_works_at_the_desk(now: Settings) -> None:
    analyst, ledger = person(now, "analyst"), BatchLedger(Lake(now.lake))
    before = ledger.cursor(LABELS).totals["accepted"]
    (first, *_) = analyst.get("/fraud-desk/api/queue").raise_for_status().json()["rows"]
    version = (
        analyst.get(f"/fraud-desk/api/alerts/{first['alert_id']}")
        .raise_for_status()
        .json()["case"]["version"]
    )
    verdict = {"action": "confirm_fraud", "version": version}
    done = analyst.post(f"/fraud-desk/api/alerts/{first['alert_id']}/act", json=verdict)
    assert done.raise_for_status().json()["status"] == "CONFIRMED"
    asked = {
        "scope": Scope.ACCOUNT.value,
        "value": first["account_id"],
        "reason": "a test of the profile",
        "minutes": 60,
    }
    assert analyst.post("/fraud-desk/api/suppressions", json=asked).raise_for_status().json()["active"]
    assert "/fraud-desk/dead-letters/0:" in analyst.get("/fraud-desk/dead-letters").raise_for_status().text
    end = time.monotonic() + 60
    while ledger.cursor(LABELS).totals["accepted"] == before:
        assert time.monotonic() < end, "waited 60 s for the analyst's label to come into a batch"
        time.sleep(0.5)


def test_airflow_speaks_to_nobody_in_the_clear_and_to_no_stranger(now: Settings) -> None:
    health = "/api/v2/monitor/health"
    with pytest.raises((httpx.TransportError, ValueError)):
        httpx.get(f"http://{HOST}:{now.ports.airflow}{health}", timeout=10)
    # Nobody is taken in who does not know this installation's authority; the observers do.
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(address(now) + health, timeout=10)  # noqa: S310 - our own address
    trusted = http_context(now)
    assert trusted is not None
    wrong = {"username": "admin", "password": "guessed"}
    assert httpx.post(f"{address(now)}/auth/token", json=wrong, verify=trusted).status_code == 401
    assert httpx.get(f"{address(now)}/api/v2/connections", verify=trusted).status_code == 401
    for page in ("/docs", "/redoc"):
        assert "swagger" not in httpx.get(address(now) + page, verify=trusted).text.lower()
    viewer = person(now, "viewer")
    assert viewer.post("/api/v2/dags/train_models/dagRuns", json={"logical_date": None}).status_code == 403
    assert viewer.get("/api/v2/connections/kafka_default").status_code == 403


def test_connections_show_no_secret_even_to_the_admin(now: Settings) -> None:
    token = httpx.post(
        f"{address(now)}/auth/token",
        json={"username": "admin", "password": load_secrets(now.stack_dir).admin},
        verify=http_context(now) or False,
    ).json()["access_token"]
    found = httpx.get(
        f"{address(now)}/api/v2/connections?limit=100",
        headers={"Authorization": f"Bearer {token}"},
        verify=http_context(now) or False,
    ).raise_for_status()
    names = {one["connection_id"] for one in found.json()["connections"]}
    assert {"kafka_bank", "kafka_desk", "kafka_admin", "cassandra_desk", "cassandra_admin"} <= names
    assert [value for value in _secrets(now) if value in found.text] == []


# Kafka


def test_kafka_lets_in_who_knows_the_password_and_encrypts(now: Settings) -> None:
    bank = kafka_client(now, "bank")
    assert now.topics.transactions in AdminClient(bank).list_topics(timeout=30).topics
    address = {"bootstrap.servers": bank["bootstrap.servers"]}
    login = {name: value for name, value in bank.items() if name.startswith("sasl.")}
    tries = {
        "a wrong password": {**bank, "sasl.password": "guessed"},
        "a stranger": {**bank, "sasl.username": "nobody"},
        "no login": {**address, "security.protocol": "SSL", "ssl.ca.location": authority(now)},
        "nothing": {**address, "security.protocol": "PLAINTEXT"},
        "in the clear": {**address, **login, "security.protocol": "SASL_PLAINTEXT"},
        "another authority": {name: value for name, value in bank.items() if name != "ssl.ca.location"},
    }
    with ThreadPoolExecutor(len(tries)) as pool:
        told = dict(zip(tries, pool.map(errors_of, tries.values()), strict=True))
    assert KafkaError._AUTHENTICATION in told["a wrong password"]
    assert KafkaError._AUTHENTICATION in told["a stranger"]
    assert KafkaError._SSL in told["another authority"]
    assert all(told.values())


def test_users_of_kafka_do_what_is_theirs(now: Settings) -> None:
    topics = now.topics
    for user, topic in [("bank", topics.labels), ("bank", topics.transactions), ("desk", topics.labels)]:
        assert read(now, user, topic, "anybody") == REFUSED, (user, topic)  # type: ignore[arg-type]
    assert isinstance(read(now, "pipeline", topics.dead_letter, f"{topics.dead_letter}-reader"), bytes)
    for user, topic in [
        ("pipeline", topics.transactions), ("bank", topics.dead_letter), ("desk", topics.dead_letter),
        ("admin", topics.transactions),
    ]:  # fmt: skip
        assert write(now, user, topic) == REFUSED, (user, topic)  # type: ignore[arg-type]
    for user in ("bank", "pipeline", "desk"):
        admin = AdminClient(kafka_client(now, user))  # type: ignore[arg-type]
        with pytest.raises(KafkaException) as refused:
            admin.create_topics([NewTopic("mine", 1, -1)])["mine"].result(30)
        assert refused.value.args[0].code() in (REFUSED, KafkaError.CLUSTER_AUTHORIZATION_FAILED)
        with pytest.raises(KafkaException) as refused:
            admin.delete_topics([topics.transactions])[topics.transactions].result(30)
        assert refused.value.args[0].code() == REFUSED


def test_the_controller_wants_a_certificate(now: Settings) -> None:
    context = ssl.create_default_context(cafile=authority(now))

    def knock() -> bytes:
        with (
            socket.create_connection((HOST, now.ports.kafka_controller), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=HOST) as encrypted,
        ):
            encrypted.sendall(b"\0\0\0\0")
            return encrypted.recv(1)

    with pytest.raises((ssl.SSLError, ConnectionError)):
        knock()


# Cassandra


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("desk", "DROP TABLE decisions"),
        ("desk", "INSERT INTO decisions (transaction_id) VALUES ('x')"),
        ("desk", "DELETE FROM alerts WHERE alert_id = 00000000-0000-0000-0000-000000000000"),
        ("desk", "TRUNCATE transactions_by_id"),
        ("desk", "INSERT INTO customers (customer_id) VALUES ('x')"),
        ("reader", "TRUNCATE alert_queue"),
        (
            "reader",
            "UPDATE outbox SET state = 'DEAD' WHERE delivery_id = 00000000-0000-0000-0000-000000000000",
        ),
        ("pipeline", "DROP TABLE decisions"),
        ("pipeline", "ALTER TABLE decisions ADD more text"),
        ("pipeline", "TRUNCATE suppressions"),
        ("pipeline", "TRUNCATE schema_migrations"),
        ("pipeline", "SELECT * FROM system_auth.roles"),
        ("admin", "CREATE ROLE mine WITH SUPERUSER = true AND LOGIN = true"),
        ("admin", "GRANT ALL PERMISSIONS ON ALL KEYSPACES TO admin"),
        ("admin", "ALTER ROLE desk WITH PASSWORD = 'mine'"),
        ("admin", "SELECT * FROM system_auth.roles"),
    ],
)
def test_roles_of_cassandra_do_what_is_theirs(now: Settings, role: CassandraRole, statement: str) -> None:
    session = cassandra_client(now, role).connect()
    try:
        with pytest.raises(Unauthorized):
            session.execute(statement)
    finally:
        session.cluster.shutdown()


def test_cassandra_lets_in_who_knows_the_password_and_encrypts(now: Settings) -> None:
    port, ca = now.ports.cassandra, authority(now)

    def as_(user: str | None, password: str | None, ca_file: str | None) -> CassandraAddress:
        return CassandraAddress((HOST,), port, now.keyspace, user, password, ca_file=ca_file)

    password = load_secrets(now.stack_dir).cassandra_reader
    as_("reader", password, ca).connect().cluster.shutdown()
    for refused in (
        as_("reader", "guessed", ca),
        as_("cassandra", "cassandra", ca),
        as_(None, None, ca),
        as_("reader", password, None),
    ):
        with pytest.raises(StoreUnavailable):
            refused.connect()


def test_an_address_that_travels_tells_no_password(now: Settings) -> None:
    assert load_secrets(now.stack_dir).cassandra_reader not in repr(cassandra_client(now, "reader"))


# Spark


def test_spark_wants_its_token(now: Settings, tmp_path: Path) -> None:
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    def count(url: str) -> int:
        # A session of its own for each try; one that was refused has none to end.
        spark = SparkSession.builder.remote(f"{url};session_id={uuid.uuid4()}").create()
        return int(spark.range(3).count())

    right = spark_url(now)
    assert count(right) == 3
    wrong = re.sub("token=.*", "token=guessed", right)
    for url in (wrong, re.sub(";token=.*", "", right)):
        with pytest.raises(PySparkException, match=r"(?i)unauthenticated|token"):
            count(url)


def test_plans_show_no_login(now: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    from pyspark.sql import SparkSession

    from include.spark.kafka_source import source_options

    spark = SparkSession.builder.remote(f"{spark_url(now)};session_id={uuid.uuid4()}").create()
    records = (
        spark.read.format("kafka")
        .options(**source_options(kafka_client(now, "pipeline")))
        .option("subscribe", now.topics.transactions)
        .load()
    )
    password = load_secrets(now.stack_dir).kafka_pipeline
    assert records.count() > 0
    for mode in ("simple", "extended", "formatted"):
        records.explain(mode=mode)
        shown = capsys.readouterr().out
        assert "kafka" in shown.lower()
        assert password not in shown


# PostgreSQL and mail


def test_postgres_is_on_no_network_and_wants_its_password(now: Settings) -> None:
    with socket.socket() as probe:
        assert probe.connect_ex((HOST, now.ports.postgres)) != 0
    where = {
        "host": str(socket_folder(now)),
        "port": now.ports.postgres,
        "user": "airflow",
        "dbname": "postgres",
    }
    psycopg2.connect(**where, password=load_secrets(now.stack_dir).postgres).close()
    for password in ("guessed", ""):
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(**where, password=password)
    assert stat.S_IMODE(socket_folder(now).stat().st_mode) == 0o700


def test_the_mail_server_wants_encryption_and_a_login(now: Settings) -> None:
    with smtplib.SMTP(HOST, now.ports.smtp, local_hostname="localhost", timeout=10) as smtp:
        smtp.ehlo()
        assert smtp.mail("a@bank.example")[0] == 530
        smtp.starttls(context=ssl.create_default_context(cafile=authority(now)))
        smtp.ehlo()
        assert smtp.mail("a@bank.example")[0] == 530
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login("tidewatch", "guessed")


# What was written


def _secrets(now: Settings) -> list[str]:
    return list(json.loads((now.stack_dir / "secrets.json").read_text()).values())


def _files(now: Settings) -> Iterator[Path]:
    yield from (path for path in now.stack_dir.rglob("*") if path.is_file() and not path.is_symlink())


def test_no_secret_stands_where_it_need_not(now: Settings) -> None:
    wanted = re.compile("|".join(map(re.escape, _secrets(now))).encode())
    found = set()
    for path in _files(now):
        name = path.relative_to(now.stack_dir).as_posix()
        if name in KNOWING or not path.stat().st_size:
            continue
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if wanted.search(content):
                found.add(name)
    assert found == set()


def test_nobody_else_can_read_what_the_servers_write(now: Settings) -> None:
    open_to_all = {
        path.relative_to(now.stack_dir).as_posix()
        for path in _files(now)
        if path.stat().st_mode & stat.S_IROTH
    }
    shown = {path.relative_to(now.stack_dir).as_posix() for path in (now.stack_dir / "tls").glob("*.pem")}
    assert open_to_all - {"profile", "logs/supervisor.log", "supervisor/supervisord.conf"} <= shown
