"""What Airflow knows of a DAG that does nothing, in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from plugins.fraud_desk.flow_watchman import RECENT, _of_task

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def task(state: str, **more: object) -> SimpleNamespace:
    facts = {"task_id": "score", "run_id": "r1", "pool": "score", "try_number": 2, "max_tries": 5}
    return SimpleNamespace(state=state, end_date=None, start_date=None, **{**facts, **more})


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("up_for_retry", "task score of run r1 failed and is tried again (try 2 of 6); see its log"),
        ("queued", "task score of run r1 waits for a slot of pool score"),
        ("scheduled", "task score of run r1 waits for a slot of pool score"),
        ("success", None),
        ("running", None),
    ],
)
def test_a_task_says_why(state: str, words: str | None) -> None:
    assert _of_task(task(state), NOW) == words


def test_an_old_failure_explains_nothing_now() -> None:
    failed = "failed at 11:59:00 after 2 tries; its log says why"
    assert failed in (_of_task(_failed(timedelta(minutes=1)), NOW) or "")
    assert _of_task(_failed(RECENT), NOW) is None


def test_a_task_that_runs_says_since_when() -> None:
    running = SimpleNamespace(**{**vars(task("running")), "start_date": NOW - timedelta(minutes=5)})
    assert _of_task(running, NOW) == "task score of run r1 has been running since 11:55:00"


def _failed(ago: timedelta) -> SimpleNamespace:
    return SimpleNamespace(**{**vars(task("failed")), "end_date": NOW - ago})
