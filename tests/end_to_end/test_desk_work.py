"""The desk's pages of work inside a real Airflow: a run is asked for by the browser, with its session and no more."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from include.local import stack
from include.local.airflow_api import AirflowApi
from include.local.airflow_environment import address
from include.local.secrets import load_secrets
from include.local.services import AIRFLOW
from include.pipeline.desk_audit import DeskAudit
from include.settings import PROJECT, Settings
from include.stores.lake.files import Lake
from tests.conftest import own_stack
from tests.pipeline.ruled_bank import RuledBank, rule_text

pytestmark = [pytest.mark.servers, pytest.mark.e2e, pytest.mark.timeout(1200)]

STACK_DIR = PROJECT / ".local" / "test-stack-desk-work"
WAITING = (
    "/api/v2/dags/~/dagRuns/~/hitlDetails?response_received=false&state=deferred&state=awaiting_input"
    "&order_by=-created_at&limit=50"
)


@pytest.fixture(scope="module")
def now() -> Iterator[Settings]:
    """Airflow and its database on a lake of their own; no Kafka, no Cassandra, no Spark."""
    with own_stack(STACK_DIR) as settings:
        stack.up(settings, only=("postgres", *AIRFLOW))
        yield settings
    shutil.rmtree(STACK_DIR, ignore_errors=True)


def browser(now: Settings, user: str) -> httpx.Client:
    """A browser after the sign-in: it has the session's cookie, and says where its requests come from."""
    here = address(now)
    login = {"username": user, "password": getattr(load_secrets(now.stack_dir), user)}
    session = httpx.post(f"{here}/auth/token", json=login, timeout=30).json()["access_token"]
    client = httpx.Client(
        base_url=here, headers={"origin": here, "sec-fetch-site": "same-origin"}, timeout=30
    )
    client.cookies.set("_token", session)
    return client


def test_a_back_test_and_a_change_are_started_from_the_desk(now: Settings) -> None:
    lake = Lake(now.lake)
    bank = RuledBank.of(lake, customers=50)
    bank.score(3)
    AirflowApi(now).trigger("measure_quality", {}, seconds=300)  # waits until the DAGs are there
    analyst, viewer = browser(now, "analyst"), browser(now, "viewer")
    assert 'data-run="backtest_rules"' in analyst.get("/fraud-desk/rules").text

    draft = {"rule": rule_text("wide", "amount > 30"), "share": 1}
    run = analyst.post("/fraud-desk/api/runs/backtest_rules", json={"conf": draft}).json()
    body = {"dag_run_id": run["dag_run_id"], "logical_date": None, "conf": draft}
    assert viewer.post("/fraud-desk/api/runs/backtest_rules", json={"conf": draft}).status_code == 403
    assert viewer.post(run["post_to"], json=body).status_code == 403
    started = analyst.post(run["post_to"], json=body)
    assert started.status_code == 200, started.text
    assert started.json()["triggering_user_name"] == "analyst"
    _wait(lambda: analyst.get(f"{run['post_to']}/{run['dag_run_id']}").json()["state"] == "success")
    (backtest,) = [name for name in lake.names("backtests") if name.startswith("wide-")]
    assert f"/fraud-desk/backtests/{backtest}" in analyst.get("/fraud-desk/rules").text
    report = viewer.get(f"/fraud-desk/backtests/{backtest}")
    assert report.status_code == 200
    assert report.headers["content-security-policy"].startswith("sandbox;")
    assert viewer.get(run["page"]).status_code == 200

    change = draft | {"shadow_batches": 0}
    wish = analyst.post("/fraud-desk/api/runs/change_rule", json={"conf": change}).json()
    told = {"dag_run_id": wish["dag_run_id"], "logical_date": None, "conf": change}
    assert analyst.post(wish["post_to"], json=told).status_code == 200
    _wait(lambda: analyst.get(WAITING).json()["total_entries"] == 1)
    (waits,) = analyst.get(WAITING).json()["hitl_details"]
    assert waits["subject"] == "May this change go live?"
    assert waits["task_instance"]["dag_run_id"] == wish["dag_run_id"]
    assert waits["created_at"]
    page = analyst.get("/fraud-desk/rules/wide").text
    assert f"/dags/change_rule/runs/{wish['dag_run_id']}" in page
    records = list(DeskAudit(lake)._chain.records())
    assert [(one.actor, one.content["run_id"]) for one in records] == [
        ("analyst", run["dag_run_id"]),
        ("analyst", wish["dag_run_id"]),
    ]

    # Kafka and Cassandra are not there: their pages say so, and the others go on.
    assert viewer.get("/fraud-desk/dead-letters").status_code == 503
    assert viewer.get("/fraud-desk/models").status_code == 200
    counted = bank.book.current().version
    assert counted in viewer.get("/fraud-desk/rules").text
    _wait(lambda: lake.exists("quality/position.json"))
    assert json.loads(lake.read_bytes("quality/position.json"))["next_batch"] == 3


def _wait(so: Callable[[], bool], seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end, "waited too long"
        time.sleep(1)
