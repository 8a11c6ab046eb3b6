"""Starts runs of a few DAGs from the desk's pages.

The browser itself asks Airflow's API for the run, with the person's own session: so Airflow's permissions and its
audit log hold as if it were done there. Before that it asks here, where the wish is put on record and gets its
run id; a wish that never became a run does no harm.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Annotated, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.configuration import conf
from airflow.models.dag import DagModel
from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, ConfigDict

from include.pipeline.desk_audit import DeskAudit
from plugins.fraud_desk.access import Analyst, NotAllowed, Role, Viewer
from plugins.fraud_desk.bank import BankDep
from plugins.fraud_desk.rendering import airflow_root

router = APIRouter()

#: What may be started from here; what a run is given is checked by the run.
STARTABLE = frozenset({"backtest_rules", "change_rule", "build_reports", "resend_dead_letters"})
_LONGEST = 100_000


class Wish(BaseModel):
    """What a run is to be given."""

    model_config = ConfigDict(extra="forbid")

    conf: dict[str, Any] = {}


class Run(BaseModel):
    """How the browser asks Airflow for the run, and where to see it."""

    dag_run_id: str
    post_to: str
    page: str


def starting(person: Viewer) -> Callable[[str], bool]:
    """Asks Airflow whether the person may start runs."""

    def may(dag_id: str) -> bool:
        team = DagModel.get_team_name(dag_id) if conf.getboolean("core", "multi_team") else None
        details = DagDetails(id=dag_id, team_name=team)
        manager = get_auth_manager()
        return bool(
            manager.is_authorized_dag(
                method="POST", access_entity=DagAccessEntity.RUN, details=details, user=person.user
            )
        )

    return may


#: Parameter of routes: whether the person who asks may start runs of a DAG.
StartingDep = Annotated[Callable[[str], bool], Depends(starting)]


@router.post("/api/runs/{dag_id}")
def wish(dag_id: str, asked: Wish, request: Request, bank: BankDep, person: Analyst, may: StartingDep) -> Run:
    """Put on record that somebody wants a run; the answer says how to ask Airflow for it."""
    if dag_id not in STARTABLE:
        raise HTTPException(404)
    if not may(dag_id):
        raise NotAllowed(person.name, Role.ANALYST)
    if len(json.dumps(asked.conf)) > _LONGEST:
        raise HTTPException(413)
    run_id = f"desk__{uuid.uuid4()}"
    detail = {"run_id": run_id, "conf": asked.conf}
    DeskAudit(bank.lake).note("run asked for", person.name, f"dag {dag_id}", detail, run_id)
    airflow = airflow_root(request)
    return Run(
        dag_run_id=run_id,
        post_to=f"{airflow}/api/v2/dags/{dag_id}/dagRuns",
        page=f"{airflow}/dags/{dag_id}/runs/{run_id}",
    )
