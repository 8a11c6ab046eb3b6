"""Demos as the tests run them: a small bank, a short stream."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from include.pipeline.bank import customers_for
from include.settings import PROJECT
from include.stores.lake.ledger import BatchLedger, Stage

RECORDS = 1_500
#: All demos on the tests' stack send from one bank, whose days before today must hold what they send together,
#: at whatever hour they run.
_RECORDS_OF_ALL = 10_000
_CUSTOMERS = customers_for(_RECORDS_OF_ALL, 600)


def start_demo(report: Path, seed: int, records: int = RECORDS) -> subprocess.Popen[str]:
    """Start a demo; see ``record_of``."""
    return subprocess.Popen(
        [
            sys.executable, "-m", "include.local.demo", "--transactions", str(records), "--rate", "100",
            "--seed", str(seed), "--customers", str(_CUSTOMERS), "--training-days", "20",
            "--report", str(report),
        ],
        cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def _of_speed(check: str) -> bool:
    return "latency" in check or "gap" in check


def run_demo(tmp_path: Path, records: int = RECORDS) -> dict[str, Any]:
    """Run a demo to its end; returns its report."""
    report = tmp_path / "demo.json"
    report.unlink(missing_ok=True)
    return record_of(start_demo(report, 3, records), report)


def record_of(process: subprocess.Popen[str], report: Path) -> dict[str, Any]:
    """The report of a demo that has ended; its output is shown if there is none."""
    output, _ = process.communicate(timeout=1_500)
    assert report.exists(), output
    record: dict[str, Any] = json.loads(report.read_text())
    # The machine may be slow; what is judged here is that nothing is lost and nothing doubled.
    failed = [check for check in record["checks"] if not check["holds"] and not _of_speed(check["name"])]
    assert not failed, output
    return record


def all_are_told(record: dict[str, Any]) -> None:
    """Every alert sent a message, or was joined to an earlier one of its account that did."""
    assert record["notifications_sent"] >= record["alerts"] - record["joined"] > 0


def is_through(record: dict[str, Any]) -> None:
    """Everything came through every stage, alerts were told, labels collected, and no server was restarted."""
    assert record["balanced"]
    assert record["accepted"] == record["scored"] == record["stored"] > 0
    assert record["alerts"] > 0
    all_are_told(record)
    assert record["labels_collected"] == record["labels_sent"] > 0
    assert record["restarts"] == []


def wait_for_first_batch(
    process: subprocess.Popen[str], ledger: BatchLedger, before: int, seconds: float
) -> None:
    """Wait until a demo has made its first batch; ``before`` was the next one when it began."""
    limit = time.monotonic() + seconds
    while ledger.cursor(Stage.ACCEPTED).next_batch == before:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < limit, f"waited {seconds:.0f} s for the first batch of the demo"
        time.sleep(0.2)
