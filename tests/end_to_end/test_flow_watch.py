"""Servers that are not there, and a scheduler that hangs: seen by three observers of a real Airflow, and over again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator

import pytest

from include.governance.incidents import find_incident, open_incidents
from include.local import stack
from include.local.services import AIRFLOW
from include.local.supervision import Supervision
from include.settings import PROJECT, Settings
from include.stores.lake.files import Lake
from tests.conftest import own_stack
from tests.stopping import stopped

pytestmark = [pytest.mark.servers, pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(600)]

STACK_DIR = PROJECT / ".local" / "test-stack-watch"


@pytest.fixture(scope="module")
def airflow_alone() -> Iterator[Settings]:
    """Airflow, its database and the mailbox; no Kafka, no Cassandra, no Spark."""
    with own_stack(STACK_DIR) as now:
        stack.up(now, only=("postgres", "mailbox", *AIRFLOW))
        yield now
    shutil.rmtree(STACK_DIR, ignore_errors=True)


def within(seconds: float, what: str, holds: Callable[[], bool]) -> float:
    """Wait until something holds; how long it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"expected {what} within {seconds:.0f} s"
        time.sleep(1)
    return time.monotonic() - began


def test_what_is_away_is_told_by_whoever_is_left(airflow_alone: Settings) -> None:
    lake = Lake(airflow_alone.lake)

    def opened() -> set[str]:
        return {one.key for one in open_incidents(lake)}

    observers = {"sweep.json", "desk.json", "triggerer.json"}
    within(180, "three observers", lambda: set(lake.names("watch/observers")) == observers)
    missing = {"away-kafka", "away-cassandra", "away-spark"}
    within(150, "incidents of what is not there", lambda: missing <= opened())
    assert "away-smtp" not in opened()
    assert "away-scheduler" not in opened()
    kafka = find_incident(lake, "away-kafka")
    assert kafka is not None
    assert "process_transactions" in kafka.detail["stops"]

    scheduler = Supervision(airflow_alone).states()["scheduler"]["pid"]
    with stopped(scheduler):
        within(180, "an incident of the scheduler", lambda: "away-scheduler" in opened())
    within(120, "its end", lambda: "away-scheduler" not in opened())
