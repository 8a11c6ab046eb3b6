"""Starting runs from the desk: who may, which DAGs, and that the wish is on record before the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from include.pipeline.desk_audit import DeskAudit
from plugins.fraud_desk.access import Role
from plugins.fraud_desk.runs import STARTABLE
from tests.dags.facts import FILES
from tests.desk.bank import MemoryBank
from tests.desk.work import Work


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(MemoryBank.at(tmp_path))


def asked(work: Work, dag_id: str, role: Role = Role.ANALYST, **conf: Any) -> Any:
    return work.client(role).post(f"/api/runs/{dag_id}", json={"conf": conf})


def test_what_may_be_started_is_there() -> None:
    assert {file.stem for file in FILES} >= STARTABLE


def test_the_wish_is_on_record_and_the_answer_leads_to_airflow(work: Work) -> None:
    told = asked(work, "backtest_rules", rule="large_amount", share=0.5).json()
    assert told["dag_run_id"].startswith("desk__")
    assert told["post_to"] == "/api/v2/dags/backtest_rules/dagRuns"
    assert told["page"] == f"/dags/backtest_rules/runs/{told['dag_run_id']}"
    (record,) = DeskAudit(work.bank.lake)._chain.records()
    assert (record.actor, record.kind, record.subject) == ("anna", "run asked for", "dag backtest_rules")
    assert record.content["run_id"] == told["dag_run_id"]
    assert record.content["conf"] == {"rule": "large_amount", "share": "0.5"}


def test_each_wish_is_another_run(work: Work) -> None:
    runs = {asked(work, "backtest_rules").json()["dag_run_id"] for _ in range(3)}
    assert len(runs) == 3
    assert len(work.deeds()) == 3


@pytest.mark.parametrize("dag_id", ["raise_alerts", "maintain_stores", "nothing", "backtest_rules2"])
def test_no_other_dag(work: Work, dag_id: str) -> None:
    work.startable.add(dag_id)
    assert asked(work, dag_id).status_code == 404
    assert work.deeds() == []


def test_who_may_not_in_airflow_may_not_here(work: Work) -> None:
    work.startable.remove("change_rule")
    assert asked(work, "change_rule").status_code == 403
    assert asked(work, "backtest_rules", Role.VIEWER).status_code == 403
    client = work.client(Role.ANALYST)
    foreign = {"origin": "https://evil.example"}
    assert client.post("/api/runs/backtest_rules", json={"conf": {}}, headers=foreign).status_code == 403
    assert work.deeds() == []


def test_a_book_is_no_parameter(work: Work) -> None:
    assert asked(work, "backtest_rules", rule="x" * 200_000).status_code == 413
    assert work.deeds() == []
