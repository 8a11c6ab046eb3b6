"""The streaming job under plain spark-submit: a JVM of its own, a local master, the same batches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from include.local.jars import class_path, spark_home
from include.local.java import java
from include.settings import HOST, PROJECT, Settings
from include.stores.cassandra.address import CassandraAddress
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, batch_folder
from include.transactions.dead_letters import KafkaDeadLetters
from tests.conftest import KafkaServer

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]


def _submit(
    settings: Settings, kafka: KafkaServer, address: CassandraAddress, environment: dict[str, str]
) -> list[int]:
    command = [
        str(spark_home() / "bin" / "spark-submit"), "--master", "local[2]", "--conf", "spark.ui.enabled=false",
        "--driver-class-path", class_path(settings.jars_dir, "spark"), str(PROJECT / "include/spark/submit.py"),
        "--kafka", kafka.bootstrap, "--cassandra", HOST, "--cassandra-port", str(address.port),
    ]  # fmt: skip
    done = subprocess.run(
        command, env=environment, cwd="/", capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    return list(json.loads(done.stdout.strip().splitlines()[-1])["batches"])


def test_it_makes_the_batches_and_goes_on_where_it_ended(
    stack_settings: Settings,
    kafka: KafkaServer,
    cassandra_address: CassandraAddress,
    topics: dict[str, str],
    tmp_path: Path,
) -> None:
    environment = os.environ | {
        "SPARK_CONNECT_MODE_ENABLED": "1",  # as a parent leaves it that has used Spark Connect
        "JAVA_HOME": str(java().parent.parent),
        "PYSPARK_PYTHON": sys.executable,
        "TIDEWATCH_LAKE_URI": (tmp_path / "lake").as_uri(),
        "TIDEWATCH_KEYSPACE": cassandra_address.keyspace,
        **{f"TIDEWATCH_TOPICS__{name.upper()}": topic for name, topic in topics.items()},
    }
    sound = _sound_records()
    kafka.send(topics["transactions"], [*sound, sound[0], (b"A1", b"{broken")])
    assert _submit(stack_settings, kafka, cassandra_address, environment) == [0]
    ledger = BatchLedger(Lake((tmp_path / "lake").as_uri()))
    manifest = ledger.manifest(Stage.ACCEPTED, 0) or {}
    assert manifest["counts"] == {"read": 4, "accepted": 2, "duplicates": 1, "dead_lettered": 1}
    dead = KafkaDeadLetters(
        {"bootstrap.servers": kafka.bootstrap}, topics["dead_letter"], topics["transactions"]
    )
    assert len(dead.since({})) == 1

    kafka.send(topics["transactions"], [sound[1]])  # a duplicate of the batch before
    assert _submit(stack_settings, kafka, cassandra_address, environment) == [1]
    table = Lake((tmp_path / "lake").as_uri()).read_table(f"{batch_folder(Stage.ACCEPTED, 1)}/data.parquet")
    assert table.num_rows == 0
    assert (ledger.manifest(Stage.ACCEPTED, 1) or {})["counts"]["duplicates"] == 1


def _sound_records() -> list[tuple[bytes, bytes]]:
    """Two sound records with ids nobody has used."""
    records = []
    for account in ("A1", "A2"):
        record = {
            "transaction_id": uuid.uuid4().hex,
            "account_id": account,
            "counterparty_id": "M1",
            "amount": "12.50",
            "currency": "EUR",
            "transaction_type": "CARD_PAYMENT",
            "channel": "POS",
            "country": "DE",
            "occurred_at": datetime.now(UTC).isoformat(),
        }
        records.append((account.encode(), json.dumps(record).encode()))
    return records
