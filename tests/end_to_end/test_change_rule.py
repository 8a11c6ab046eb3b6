"""A rule through a real Airflow: drafted by one, approved by another, seen on the next batch; never by one alone."""

from __future__ import annotations

import json
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from include.local import stack
from include.local.airflow_environment import address
from include.local.secrets import load_secrets
from include.local.services import AIRFLOW
from include.settings import PROJECT, Ports, Settings, settings
from include.stores.lake.files import Lake
from include.stores.lake.ledger import Stage, batch_folder
from tests.conftest import _free_ports
from tests.pipeline.ruled_bank import RuledBank, rule_text

pytestmark = [pytest.mark.servers, pytest.mark.e2e, pytest.mark.timeout(600)]

STACK_DIR = PROJECT / ".local" / "test-stack-rules"


@pytest.fixture(scope="module")
def airflow_alone() -> Iterator[Settings]:
    """Airflow and its database on a lake of their own; no Kafka, no Cassandra, no Spark."""
    ports = dict(zip(Ports.model_fields, _free_ports(len(Ports.model_fields)), strict=True))
    chosen = {
        "TIDEWATCH_STACK_DIR": str(STACK_DIR),
        "TIDEWATCH_LAKE_URI": (STACK_DIR / "lake").as_uri(),
        **{f"TIDEWATCH_PORTS__{name.upper()}": str(port) for name, port in ports.items()},
    }
    before = {name: os.environ.get(name) for name in chosen}
    os.environ.update(chosen)
    settings.cache_clear()
    now = settings()
    stack.down(now, say=lambda _: None)
    shutil.rmtree(STACK_DIR, ignore_errors=True)
    try:
        stack.up(now, only=("postgres", *AIRFLOW))
        yield now
    finally:
        stack.down(now, say=lambda _: None)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        settings.cache_clear()
        shutil.rmtree(STACK_DIR, ignore_errors=True)


class User:
    """Somebody at the API."""

    def __init__(self, now: Settings, name: str, password: str) -> None:
        self._address, self.name = address(now), name
        self._token = ""
        login = {"username": name, "password": password}
        self._token = self.ask("POST", "/auth/token", login)["access_token"]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - our own server
            self._address + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)

    def trigger(self, run_id: str, **conf: Any) -> str:
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        end = time.monotonic() + 300
        while True:  # until the DAG has been parsed
            try:
                self.ask("POST", "/api/v2/dags/change_rule/dagRuns", body)
                return f"/api/v2/dags/change_rule/dagRuns/{run_id}"
            except urllib.error.HTTPError as error:
                if error.code != 404 or time.monotonic() > end:
                    raise
                time.sleep(1)

    def states(self, run: str) -> dict[str, str]:
        return {
            one["task_id"]: one["state"] for one in self.ask("GET", f"{run}/taskInstances")["task_instances"]
        }

    def wait(self, run: str, task: str, *wanted: str, seconds: float = 180) -> str:
        end = time.monotonic() + seconds
        while (states := self.states(run)).get(task) not in wanted:
            assert time.monotonic() < end, states
            assert "failed" not in states.values(), states
            time.sleep(1)
        return states[task]

    def answer(self, run: str, option: str) -> None:
        # No person is so quick: an answer that comes while the scheduler still takes in that the task is parked has
        # it tried, and asked, again.
        time.sleep(5)
        self.ask(
            "PATCH",
            f"{run}/taskInstances/approve/-1/hitlDetails",
            {"chosen_options": [option], "params_input": {}},
        )


def test_one_drafts_another_approves_and_the_next_batch_shows_it(airflow_alone: Settings) -> None:
    secrets = load_secrets(airflow_alone.stack_dir)
    ann = User(airflow_alone, "analyst", secrets.analyst)
    bob = User(airflow_alone, "admin", secrets.admin)
    lake = Lake(airflow_alone.lake)
    bank = RuledBank.of(lake, customers=50)
    bank.score(2)
    run = ann.trigger(
        "run-1", rule=rule_text("wide", "amount > 30"), shadow_batches=1, author="somebody else"
    )
    ann.wait(run, "start_shadow", "success")
    bank.score(1)
    ann.wait(run, "approve", "awaiting_input", "deferred")
    asked = bob.ask("GET", f"{run}/taskInstances/approve/-1/hitlDetails")
    assert "**analyst** wants to change the rule **wide**" in asked["body"]
    assert "1 batches, 60 transactions" in asked["body"]
    bob.answer(run, "Approve")
    bob.wait(run, "go_live", "success")
    bank.score(1)
    table = lake.read_table(f"{batch_folder(Stage.SCORED, 3)}/data.parquet")
    assert [("wide" in row) for row in table["rule_hits"].to_pylist()] == [
        row > 30 for row in table["amount"].to_pylist()
    ]
    entry = next(entry for entry in bank.book.entries() if entry.rule_id == "wide")
    assert (entry.author, entry.approved_by) == ("analyst", "admin")

    alone = bob.trigger("run-2", rule="blocked_counterparty", shadow_batches=0)
    bob.wait(alone, "approve", "awaiting_input", "deferred")
    bob.answer(alone, "Approve")
    end = time.monotonic() + 300
    while bob.states(alone)["go_live"] not in ("failed", "success"):
        assert time.monotonic() < end, bob.states(alone)
        time.sleep(1)
    assert bob.states(alone)["go_live"] == "failed"
    assert "blocked_counterparty" not in {e.rule_id for e in bank.book.entries() if e.stage == "LIVE"}

    refused = bob.trigger("run-3", rule="blocked_counterparty", shadow_batches=0)
    bob.wait(refused, "approve", "awaiting_input", "deferred")
    User(airflow_alone, "approver", secrets.approver).answer(refused, "Reject")
    bob.wait(refused, "go_live", "skipped")
    assert "blocked_counterparty" not in {e.rule_id for e in bank.book.entries()}
