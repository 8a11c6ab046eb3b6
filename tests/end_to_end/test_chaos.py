"""A few faults under a steady stream, and the books of every store afterwards; `make chaos FAULTS=100` is the whole."""

from __future__ import annotations

import shutil

import pytest
from rich.console import Console

from benchmarks.chaos.course import ChaosOrder, run_chaos
from benchmarks.chaos.faults import Fault, Kind
from benchmarks.stack import own_stack
from include.reports.checks import failed
from include.settings import PROJECT

pytestmark = [pytest.mark.servers, pytest.mark.e2e, pytest.mark.timeout(1500)]

FOLDER = PROJECT / ".local" / "test-chaos"
FAULTS = (
    Fault(Kind.KILL_TASK, "score_transactions"),
    Fault(Kind.KILL, "kafka"),
    Fault(Kind.CUT, "load_cassandra"),
    Fault(Kind.KILL, "scheduler"),
    Fault(Kind.PAUSE, "cassandra"),
    Fault(Kind.REBOOT, "everything"),
)


def test_nothing_is_lost_and_nothing_doubled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEWATCH_STREAM__SPARK_FROM_ROWS", "50")
    with own_stack(FOLDER) as settings:
        record = run_chaos(settings, ChaosOrder(FAULTS, seed=5, rate=25), Console(width=160))
    # The machine may be slow: how long it took is told by `make chaos`, and not judged here.
    wrong = [check for check in failed(record.checks) if "seconds" not in check.name]
    assert not wrong, (
        record.problems,
        [(b.store, b.lost[:3], b.doubled[:3], b.differs[:3]) for b in record.books],
    )
    assert all(book.expected for book in record.books if book.store != "labels in Cassandra")
    shutil.rmtree(FOLDER, ignore_errors=True)
