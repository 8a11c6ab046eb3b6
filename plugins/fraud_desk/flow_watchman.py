"""The desk as an observer of the flow: a thread of the API server that looks three times a minute.

It goes on when the scheduler, the triggerer or a server of the chain is down, and it alone can ask Airflow's database
why a DAG does nothing. See ``include.orchestration.flow_watch``.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from include.stores.ports import OutboxStore
    from plugins.fraud_desk.live import LiveBank

#: A failed task of this age says nothing of why a DAG stands still now.
RECENT = timedelta(minutes=15)


def start(bank: LiveBank) -> threading.Thread:
    """Begin to watch; the thread ends with its process."""
    from include.orchestration.flow_watch import DESK, LOOK_SECONDS, Observer, Watchman, find_addresses
    from include.orchestration.notices import tell_duty_desk

    def outbox() -> OutboxStore:
        return bank.stores().outbox

    def watch() -> None:
        watchman = Watchman(
            lambda: Observer(DESK, bank.lake, find_addresses(), outbox, why_dag_stands_still), tell_duty_desk
        )
        while True:
            time.sleep(LOOK_SECONDS)  # first: the server that asks for health is only coming up
            watchman.look()

    thread = threading.Thread(target=watch, name="flow-watch", daemon=True)
    thread.start()
    return thread


def why_dag_stands_still(dag_id: str) -> str | None:
    """What Airflow knows: the DAG is paused, its newest task failed, waits for a slot, or runs for long."""
    from airflow.models.dag import DagModel
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        dag = session.scalar(select(DagModel).where(DagModel.dag_id == dag_id))
        if dag is None:
            return f"Airflow has no DAG {dag_id}; is its file broken?"
        if dag.is_paused:
            return f"DAG {dag_id} is paused; switch it on"
        if dag.has_import_errors:
            return f"the file of DAG {dag_id} cannot be imported; see its import errors in Airflow"
        newest = session.scalar(
            select(TaskInstance)
            .where(TaskInstance.dag_id == dag_id, TaskInstance.state.is_not(None))
            .order_by(TaskInstance.queued_dttm.desc().nulls_last())
            .limit(1)
        )
        return None if newest is None else _of_task(newest, datetime.now(UTC))


def _of_task(task, now: datetime) -> str | None:  # type: ignore[no-untyped-def]
    name = f"task {task.task_id} of run {task.run_id}"
    match str(task.state):
        case "failed" if task.end_date and now - task.end_date < RECENT:
            return (
                f"{name} failed at {task.end_date:%H:%M:%S} after {task.try_number} tries; its log says why"
            )
        case "up_for_retry":
            return f"{name} failed and is tried again (try {task.try_number} of {task.max_tries + 1}); see its log"
        case "queued" | "scheduled":
            return f"{name} waits for a slot of pool {task.pool}"
        case "running" if task.start_date:
            return f"{name} has been running since {task.start_date:%H:%M:%S}"
    return None
