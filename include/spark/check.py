"""Does the streaming job work here? Two records through a topic of their own, by the plan that batches take."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from include.settings import Settings
from include.spark.stream_query import start_query
from include.stores.lake.files import Lake
from include.transactions.encoding import encode
from include.transactions.judging import judge
from include.transactions.schema import TRANSACTION_SCHEMA

_FOLDER = "checks"
_WAIT_SECONDS = 60.0


def check_streaming(spark: Any, kafka: Mapping[str, Any], lake: Lake, settings: Settings) -> dict[str, int]:
    """Run the plan on a sound and a broken record; returns how many of each came out, one and one.

    Topic, checkpoint and files are the check's own and are deleted.

    Raises
    ------
    RuntimeError
        Something else came out.
    """
    name = f"{settings.topics.transactions}.check-{uuid.uuid4().hex[:8]}"
    folder = f"{_FOLDER}/{name}"
    admin = AdminClient(dict(kafka))
    admin.create_topics([NewTopic(name, 1, -1)])[name].result(_WAIT_SECONDS)
    try:
        _send(kafka, name)
        options = {key: str(value) for key, value in kafka.items()}
        query = start_query(
            spark, options, name, lake, f"{folder}/rows", f"{folder}/checkpoint", settings.stream, name
        )
        query.awaitTermination()
        rows = spark.read.parquet(lake.url(f"{folder}/rows")).toArrow()
    finally:
        admin.delete_topics([name])
        lake.delete_folder(folder)
    judged = judge(rows, settings.stream.retention)
    found = {
        "sound": rows["errors"].to_pylist().count([]),  # proven by Spark itself
        "broken": sum(bool(errors) for errors in judged["errors"].to_pylist()),
    }
    if found != {"sound": 1, "broken": 1}:
        raise RuntimeError(
            f"expected one sound and one broken record back from Spark, got {found}: {rows.to_pylist()}"
        )
    return found


def _send(kafka: Mapping[str, Any], topic: str) -> None:
    row = {
        "transaction_id": "check", "account_id": "check", "counterparty_id": "check", "amount": Decimal(1),
        "currency": "EUR", "transaction_type": "TRANSFER", "channel": "ONLINE", "country": "DE",
        "occurred_at": datetime.now(UTC),
    }  # fmt: skip
    sound = pa.Table.from_pylist([row], schema=TRANSACTION_SCHEMA)
    producer = Producer(dict(kafka))
    for key, value in encode(sound):
        producer.produce(topic, value, key)
        producer.produce(topic, value[:-9], key)
    producer.flush(_WAIT_SECONDS)
