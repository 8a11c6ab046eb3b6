"""The demo through a real scheduler and triggerer: a small bank, a short stream, every store looked at."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from include.settings import HOST, Settings
from tests.end_to_end.demos import (
    RECORDS,
    all_are_told,
    record_of,
    run_demo,
    start_demo,
    wait_for_first_batch,
)
from tests.end_to_end.observed import (
    Metrics,
    arrivals,
    first_alert,
    grown,
    is_refused,
    metrics_of,
    trace,
    ways_of,
)

pytestmark = [pytest.mark.servers, pytest.mark.e2e, pytest.mark.timeout(1_800)]


def test_transactions_become_alerts_rows_and_mails(airflow: Settings, tmp_path: Path) -> None:
    before = metrics_of(airflow)
    record = run_demo(tmp_path)
    assert record["balanced"]
    assert record["produced"] == RECORDS
    assert record["accepted"] == record["scored"] == record["stored"]
    assert record["dead_lettered"] > 0
    assert record["duplicates"] > 0
    assert record["alerts"] > 0
    assert record["model"] != "none"
    assert record["latency_seconds"]["p50"] is not None
    with urllib.request.urlopen(
        f"http://{HOST}:{airflow.ports.mailbox}/api/messages?limit=5", timeout=10
    ) as answer:
        mails = json.load(answer)["messages"]
    assert mails
    all_are_told(record)
    _metrics_say_the_same(airflow, before, record)
    _one_alert_can_be_followed(airflow)
    _refused_and_repeated_records_are_found(airflow)


def _metrics_say_the_same(stack: Settings, before: Metrics, record: dict[str, Any]) -> None:
    after, topic = metrics_of(stack), stack.topics.transactions
    for outcome, name in (
        ("accepted", "accepted"),
        ("duplicate", "duplicates"),
        ("dead_lettered", "dead_lettered"),
    ):
        assert grown(before, after, "tidewatch_records_total", *sorted((topic, outcome))) == record[name]
    handlings = {
        what: grown(before, after, "tidewatch_alerts_total", what)
        for what in ("told", "joined", "suppressed")
    }
    assert sum(handlings.values()) == record["alerts"]
    assert handlings["joined"] == record["joined"]
    assert grown(before, after, "tidewatch_decisions_total", "ALERT") == record["alerts"]
    assert grown(before, after, "tidewatch_decision_levels_total", "FULL") == record["scored"]
    assert grown(before, after, "tidewatch_stored_transactions_total") == record["stored"]
    assert ("tidewatch_model_info", record["model"]) in after
    sent = [
        value
        for (name, *labels), value in after.items()
        if name == "tidewatch_recent_deliveries" and "DELIVERED" in labels
    ]
    assert sum(sent) >= record["notifications_sent"]
    lag = [value for (name, *_), value in after.items() if name == "tidewatch_consumer_lag_records"]
    assert len(lag) == stack.topic_partitions
    assert sum(lag) == 0
    assert {value for (name, *_), value in after.items() if name == "tidewatch_metrics_part_up"} == {1}
    assert is_refused(stack, "not the token")


def _one_alert_can_be_followed(stack: Settings) -> None:
    alert = first_alert(stack)
    (way, *_) = ways_of(alert["transaction_id"])
    assert (way["outcome"], way["partition"], way["offset"]) == (
        "accepted", alert["kafka_partition"], alert["kafka_offset"],
    )  # fmt: skip
    happened = [(step["where"], step["what"]) for step in way["steps"]]
    for step in (
        ("broker", "arrived"), ("processing", "accepted"), ("scoring", f"ALERT, {alert['severity']}"),
        ("outbox", "PENDING"), ("outbox", "DELIVERED"), ("loading", "loaded to Cassandra"),
    ):  # fmt: skip
        assert step in happened
    runs = {step["run"].partition("/")[0] for step in way["steps"]} - {""}
    assert runs == {"process_transactions", "score_transactions", "raise_alerts", "load_cassandra"}
    assert alert["account_id"] not in json.dumps(way)
    assert (
        ways_of("--offset", f"{alert['kafka_partition']}:{alert['kafka_offset']}")[0]["steps"] == way["steps"]
    )
    shown = trace(alert["transaction_id"])
    assert shown.returncode == 0
    assert "DELIVERED" in shown.stdout


def _refused_and_repeated_records_are_found(stack: Settings) -> None:
    rows = arrivals(stack).to_pylist()
    refused = next(row for row in rows if row["errors"])
    (way,) = ways_of("--offset", f"{refused['kafka_partition']}:{refused['kafka_offset']}")
    assert way["outcome"] == "dead-lettered"
    assert [step["what"] for step in way["steps"] if step["where"] == "dead letters"] == ["dead-lettered"]
    ids = [row["transaction_id"] for row in rows if not row["errors"]]
    unsound = {row["transaction_id"] for row in rows if row["errors"]}
    twice = next(name for name in ids if ids.count(name) > 1 and name not in unsound)
    assert [way["outcome"] for way in ways_of(twice)] == ["accepted", *["duplicate"] * (ids.count(twice) - 1)]
    unknown = trace("nobody-has-sent-this")
    assert unknown.returncode == 1
    assert "check the id" in unknown.stdout


@pytest.mark.parametrize("victim", ["spark", "scheduler"])
def test_a_kill_in_the_middle_loses_nothing(airflow: Settings, tmp_path: Path, victim: str) -> None:
    from include.local.supervision import Supervision
    from include.stores.lake.files import Lake
    from include.stores.lake.ledger import BatchLedger, Stage

    ledger = BatchLedger(Lake(airflow.lake))
    before = ledger.cursor(Stage.ACCEPTED).next_batch
    process = start_demo(tmp_path / "demo.json", seed=3)
    wait_for_first_batch(process, ledger, before, 300)
    killed = Supervision(airflow).states()[victim]["pid"]
    os.kill(killed, signal.SIGKILL)
    record = record_of(process, tmp_path / "demo.json")
    assert record["balanced"]
    assert victim in record["restarts"]
    # Its children are in its process group; one that goes on would write beside its successor.
    assert [process.pid for process in psutil.process_iter() if _group(process.pid) == killed] == []


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None
