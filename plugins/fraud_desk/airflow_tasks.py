"""What Airflow's database knows of tasks that failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime


def failed_tries(since: datetime) -> Mapping[tuple[str, str], int]:
    """How many tries have failed since a moment (aware), or were abandoned when their process died.

    Returns
    -------
    Mapping
        By DAG and outcome: ``given_up`` of a task's last try, ``tried_again`` of each one before it, by Airflow or
        by a person who cleared the task.
    """
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.taskinstancehistory import TaskInstanceHistory
    from airflow.utils.session import create_session
    from airflow.utils.state import TaskInstanceState
    from sqlalchemy import func, select

    found: Counter[tuple[str, str]] = Counter()
    with create_session() as session:
        # A try that is to be followed by another is put into the history as it ends.
        for table, outcome in ((TaskInstance, "given_up"), (TaskInstanceHistory, "tried_again")):
            counted = (
                select(table.dag_id, func.count())
                .where(
                    table.state == TaskInstanceState.FAILED,
                    table.end_date >= since,
                    table.start_date.is_not(None),  # one that only waited is put into the history, too
                )
                .group_by(table.dag_id)
            )
            for dag_id, count in session.execute(counted):
                found[dag_id, outcome] += count
    return dict(found)
