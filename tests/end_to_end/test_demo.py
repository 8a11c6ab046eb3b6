"""The demo through a real scheduler and triggerer: a small bank, a short stream, every store looked at."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from include.settings import HOST, Settings
from tests.end_to_end.demos import RECORDS, record_of, run_demo, start_demo

pytestmark = [pytest.mark.servers, pytest.mark.e2e, pytest.mark.timeout(900)]


def test_transactions_become_alerts_rows_and_mails(airflow: Settings, tmp_path: Path) -> None:
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
    assert record["notifications_sent"] >= record["alerts"]


@pytest.mark.parametrize("victim", ["spark", "scheduler"])
def test_a_kill_in_the_middle_loses_nothing(airflow: Settings, tmp_path: Path, victim: str) -> None:
    from include.local.supervision import Supervision
    from include.stores.lake.files import Lake
    from include.stores.lake.ledger import BatchLedger, Stage

    ledger = BatchLedger(Lake(airflow.lake))
    before = ledger.cursor(Stage.ACCEPTED).next_batch
    process = start_demo(tmp_path / "demo.json", seed=3)
    limit = time.monotonic() + 300
    while ledger.cursor(Stage.ACCEPTED).next_batch == before:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < limit, "waited 300 s for the first batch of the demo"
        time.sleep(0.2)
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
