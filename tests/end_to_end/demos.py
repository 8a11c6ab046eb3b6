"""Demos as the tests run them: a small bank, a short stream."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from include.settings import PROJECT

RECORDS = 1_500


def start_demo(report: Path, seed: int, records: int = RECORDS) -> subprocess.Popen[str]:
    """Start a demo; see ``record_of``."""
    return subprocess.Popen(
        [
            sys.executable, "-m", "include.local.demo", "--transactions", str(records), "--rate", "100",
            "--seed", str(seed), "--customers", "600", "--training-days", "20", "--report", str(report),
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
