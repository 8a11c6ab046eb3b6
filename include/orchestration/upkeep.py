"""Bodies of the tasks that make the stores and keep them in bounds."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from include.governance.audit import record_action
from include.governance.rule_book import DEPLOYMENT
from include.orchestration.connections import (
    CASSANDRA_ADMIN,
    KAFKA_ADMIN,
    METADATA,
    cassandra_address,
    cassandra_roles,
    cassandra_session,
    kafka_config,
    spark_session,
)
from include.orchestration.variables import Days, InputRefused, variable
from include.pipeline import retention
from include.pipeline.models import model_registry, rule_book
from include.pipeline.parity_record import checked_until
from include.pipeline.quality_days import drop_days_before
from include.pipeline.retention import REPEATABLE_BATCHES
from include.privacy.leftovers import delete_leftovers
from include.privacy.logs import delete_old_logs
from include.privacy.retention import age, days_wanted
from include.rules.columns import rule_columns
from include.rules.loader import load_rules
from include.settings import settings
from include.spark.check import check_streaming
from include.stores.cassandra.installation import claim_keyspace, refuse_foreign
from include.stores.cassandra.migrations import migrate
from include.stores.cassandra.permissions import grant
from include.stores.cassandra.retention import Retention
from include.stores.cassandra.running import prune_running_totals
from include.stores.cassandra.state import CassandraStateStore
from include.stores.lake.files import Lake
from include.stores.lake.installation import claim_lake
from include.stores.lake.ledger import BatchLedger, Stage, accepted_file
from include.transactions.topics import ensure_topics, topic_specs

log = logging.getLogger(__name__)

_KEY_COLUMNS = {"account": "account_id", "counterparty": "counterparty_id"}


def create_topics() -> None:
    """Create the topics that are missing, refuse those that differ.

    Raises
    ------
    MigrationInvalid
        They would keep events for longer than their ids are remembered.
    """
    from confluent_kafka.admin import AdminClient

    now = settings()
    Retention().refuse_forgetting(now.stream.retention_days)
    kafka = kafka_config(KAFKA_ADMIN)
    specs = topic_specs(
        transactions=now.topics.transactions,
        dead_letter=now.topics.dead_letter,
        labels=now.topics.labels,
        partitions=now.topic_partitions,
        retention=now.stream.retention,
    )
    created = ensure_topics(kafka["bootstrap.servers"], specs, admin=AdminClient(kafka))
    log.info("topics created: %s", ", ".join(created) or "none, all were there")


def migrate_cassandra() -> None:
    """Claim the lake and the keyspace for this installation, and bring the keyspace up to date.

    Raises
    ------
    ForeignLake, ForeignKeyspace
        One of them is another installation's; nothing was changed.
    MigrationInvalid
        Ids would be forgotten while their events may still come; nothing was changed.
    """
    from airflow.sdk import Variable

    event_days = settings().stream.retention_days
    Retention().refuse_forgetting(event_days)

    keyspace, mine = settings().keyspace, Variable.get("installation_id", default=None)
    if not mine:
        Variable.set(
            "installation_id", mine := uuid.uuid4().hex, description="Whose the lake and the keyspace are."
        )
    claim_lake(Lake(settings().lake), mine)
    session = cassandra_address(CASSANDRA_ADMIN).connect(with_keyspace=False)
    try:
        refuse_foreign(session, keyspace, mine)
        applied = migrate(session, keyspace, settings().replication, event_days=event_days)
        claim_keyspace(session, keyspace, mine)
        granted = grant(session, keyspace, cassandra_roles())
    finally:
        session.cluster.shutdown()
    log.info("migrations applied: %s", ", ".join(applied) or "none, the keyspace was up to date")
    log.info("rights given: %s", granted)


def check_stream() -> None:
    """Send a sound and a broken record through the streaming job, and look at what comes out.

    Raises
    ------
    RuntimeError
        Something else came out.
    """
    lake, kafka = Lake(settings().lake), kafka_config(KAFKA_ADMIN)  # it makes a topic of its own
    found = check_streaming(spark_session(lake), kafka, lake, settings())
    log.info("Kafka, Spark and the lake work together: %s", found)


def check_rules() -> None:
    """Load every shipped rule, so that a mistake in one is told here, with file and line, and fill an empty rule book.

    A book that has rules keeps them: a shipped file that says something else is a draft, and is named here.
    """
    now = settings()
    rules = load_rules(now.rules_dir, rule_columns())
    log.info("the shipped rule set %s is sound", rules.version)
    lake = Lake(now.lake)
    book = rule_book(lake)
    if published := book.publish_shipped(now.rules_dir):
        record_action(lake, DEPLOYMENT, "rules.published", published, {"rules": len(rules.rules)})
        log.info("the shipped rules are live, as set %s", published)
    for difference in book.differences(now.rules_dir):
        log.warning(
            'shipped rules do not go live by themselves: %s; trigger change_rule with {"rule": "%s"} to have it '
            "tested and approved",
            difference,
            difference.rule_id,
        )


def _days_wanted() -> dict[str, int]:
    try:
        return days_wanted(variable("retention_days", Days))
    except ValueError as error:
        raise InputRefused(str(error)) from None


def clean_lake() -> None:
    """Delete settled arrivals, old batches that a clean parity check has gone over, and old leftovers."""
    lake, now = Lake(settings().lake), datetime.now(UTC)
    ledger, wanted = BatchLedger(lake), _days_wanted()
    arrivals = retention.delete_arrivals(lake, ledger, age(wanted, "arrivals"), now)
    batches = retention.delete_batches(lake, ledger, age(wanted, "batches"), now, checked_until(lake))
    working = retention.delete_adaptation(lake, age(wanted, "batches"), now)
    labels = retention.delete_labels(lake, ledger, age(wanted, "labels"), now)
    drop_days_before(lake, now - age(wanted, "batches") - settings().stream.retention - timedelta(days=1))
    leftovers = delete_leftovers(lake, model_registry(lake), wanted, now)
    log.info(
        "deleted from the lake: arrivals of %s Spark runs, files of %s batches, %s files of shadows and drift, "
        "%s batches of labels, leftovers: %s",
        arrivals,
        batches,
        working,
        labels,
        leftovers,
    )


def prune_versions() -> None:
    """Drop superseded versions of states and running totals of the keys that recent batches touched."""
    lake = Lake(settings().lake)
    ledger = BatchLedger(lake)
    newest = (
        min(ledger.cursor(stage).next_batch for stage in (Stage.SCORED, Stage.STORED)) - REPEATABLE_BATCHES
    )
    position = lake.read_json("cursors/pruned.json") or {"next_batch": 0}
    with cassandra_session() as session:
        store = CassandraStateStore(session)
        for batch in range(position["next_batch"], newest):
            path = accepted_file(batch)
            if lake.exists(path):
                accepted = lake.read_table(path)
                for kind, column in _KEY_COLUMNS.items():
                    keys = accepted[column].unique().to_pylist()
                    store.prune(kind, keys, batch)
                    prune_running_totals(session, kind, keys, batch)
            lake.write_json("cursors/pruned.json", {"next_batch": batch + 1})
    log.info("pruned versions before batch %s", max(newest, position["next_batch"]))


def _sqlalchemy_address(database: Any) -> str:
    """Of a connection whose host is a host's name, or the folder of a Unix socket."""
    login = f"postgresql+psycopg2://{quote(database.login or '')}:{quote(database.password or '')}"
    if (database.host or "").startswith("/"):
        return f"{login}@/{database.schema}?host={quote(database.host, safe='')}&port={database.port}"
    return f"{login}@{database.host}:{database.port}/{database.schema}"


def clean_airflow_metadata() -> None:
    """Delete old runs, events and logs of Airflow.

    Tasks have no access to Airflow's database; its own clean-up command gets the address from a connection.

    Raises
    ------
    RuntimeError
        When the command failed.
    """
    from airflow.sdk import Connection

    database = Connection.get(METADATA)
    address = _sqlalchemy_address(database)
    before = (datetime.now(UTC) - age(_days_wanted(), "airflow_metadata")).isoformat()
    done = subprocess.run(
        [
            sys.executable, "-m", "airflow", "db", "clean", "--yes", "--skip-archive",
            "--error-on-cleanup-failure", "--clean-before-timestamp", before,
        ],
        env=os.environ | {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": address},
        capture_output=True, text=True, timeout=540, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(
            f"expected `airflow db clean` to delete what is older than {before}, got: {done.stderr[-1500:]}; "
            f"check the connection {METADATA}"
        )
    log.info("deleted from Airflow's database what is older than %s", before)


def clean_airflow_logs() -> None:
    """Delete old logs of tasks and DAG files; `airflow db clean` leaves these.

    Only below Airflow's log folder, only files named ``.log`` (with a number, when they were rotated), and the folders
    that are empty afterwards.
    """
    from airflow.configuration import conf

    folder = Path(conf.get("logging", "base_log_folder"))
    deleted = delete_old_logs(folder, datetime.now(UTC) - age(_days_wanted(), "airflow_logs"))
    log.info("deleted %s log files", deleted)
