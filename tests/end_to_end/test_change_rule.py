"""A rule through a real Airflow: drafted by one, approved by another, seen on the next batch; never by one alone."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest

from include.local import stack
from include.local.airflow_api import AirflowApi
from include.local.services import AIRFLOW
from include.settings import PROJECT, Settings
from include.stores.lake.files import Lake
from include.stores.lake.ledger import Stage, batch_folder
from tests.conftest import own_stack
from tests.pipeline.ruled_bank import RuledBank, rule_text

pytestmark = [pytest.mark.servers, pytest.mark.e2e, pytest.mark.timeout(1200)]

DAG = "change_rule"
STACK_DIR = PROJECT / ".local" / "test-stack-rules"


@pytest.fixture(scope="module")
def airflow_alone() -> Iterator[Settings]:
    """Airflow and its database on a lake of their own; no Kafka, no Cassandra, no Spark."""
    with own_stack(STACK_DIR) as now:
        stack.up(now, only=("postgres", *AIRFLOW))
        yield now
    shutil.rmtree(STACK_DIR, ignore_errors=True)


class User:
    """Somebody who works with change_rule."""

    def __init__(self, now: Settings, name: str) -> None:
        self._api = AirflowApi(now, name)

    def trigger(self, **conf: Any) -> str:
        return self._api.trigger(DAG, conf, seconds=300)

    def states(self, run: str) -> dict[str, str | None]:
        return self._api.tasks(DAG, run)

    # The training that a first start begins holds the pool of what governs, for minutes where cores are slow.
    def wait(self, run: str, task: str, *wanted: str, seconds: float = 420) -> str | None:
        end = time.monotonic() + seconds
        while (states := self.states(run)).get(task) not in wanted:
            assert time.monotonic() < end, states
            assert "failed" not in states.values(), states
            time.sleep(1)
        return states[task]

    def asked(self, run: str) -> str:
        return str(self._api.question(DAG, run, "approve")["body"])

    def answer(self, run: str, option: str) -> None:
        # No person is so quick: an answer that comes while the scheduler still takes in that the task is parked has
        # it tried, and asked, again.
        time.sleep(5)
        self._api.answer(DAG, run, "approve", option)


def test_one_drafts_another_approves_and_the_next_batch_shows_it(airflow_alone: Settings) -> None:
    ann, bob = User(airflow_alone, "analyst"), User(airflow_alone, "admin")
    lake = Lake(airflow_alone.lake)
    bank = RuledBank.of(lake, customers=50)
    bank.score(2)
    run = ann.trigger(rule=rule_text("wide", "amount > 30"), shadow_batches=1, author="somebody else")
    ann.wait(run, "start_shadow", "success")
    bank.score(1)
    ann.wait(run, "approve", "awaiting_input", "deferred")
    asked = bob.asked(run)
    assert "**analyst** wants to change the rule **wide**" in asked
    assert "1 batches, 60 transactions" in asked
    bob.answer(run, "Approve")
    bob.wait(run, "go_live", "success")
    bank.score(1)
    table = lake.read_table(f"{batch_folder(Stage.SCORED, 3)}/data.parquet")
    assert [("wide" in row) for row in table["rule_hits"].to_pylist()] == [
        row > 30 for row in table["amount"].to_pylist()
    ]
    entry = next(entry for entry in bank.book.entries() if entry.rule_id == "wide")
    assert (entry.author, entry.approved_by) == ("analyst", "admin")

    alone = bob.trigger(rule="blocked_counterparty", shadow_batches=0)
    bob.wait(alone, "approve", "awaiting_input", "deferred")
    bob.answer(alone, "Approve")
    end = time.monotonic() + 300
    while bob.states(alone)["go_live"] not in ("failed", "success"):
        assert time.monotonic() < end, bob.states(alone)
        time.sleep(1)
    assert bob.states(alone)["go_live"] == "failed"
    assert "blocked_counterparty" not in {e.rule_id for e in bank.book.entries() if e.stage == "LIVE"}

    refused = bob.trigger(rule="blocked_counterparty", shadow_batches=0)
    bob.wait(refused, "approve", "awaiting_input", "deferred")
    User(airflow_alone, "approver").answer(refused, "Reject")
    bob.wait(refused, "go_live", "skipped")
    assert "blocked_counterparty" not in {e.rule_id for e in bank.book.entries()}
