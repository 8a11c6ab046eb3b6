"""Loads the DAG files as Airflow does and writes down what they are, as JSON.

Run as a script in a process of its own: Airflow reads its configuration when it is imported, and the
process of the tests may use another.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction

#: What a task imports when it runs, and a DAG file never: parsing has to stay cheap. (PySpark is not in
#: it: Airflow imports the exceptions that a retry rule names, PySpark's among them, as soon as it is made.)
HEAVY = ("cassandra", "duckdb", "pandas", "pyarrow", "river", "sklearn", "xgboost")


def describe(folder: Path) -> dict[str, Any]:
    """Every DAG of a folder as a scheduler would read it back, and the files that would not import."""
    bag = DagBag(dag_folder=folder)
    loaded = [name for name in HEAVY if name in sys.modules]
    return {
        "import_errors": bag.import_errors,
        "heavy": loaded,
        "dags": [_dag(dag) for dag in bag.dags.values()],
    }


def _dag(dag: Any) -> dict[str, Any]:
    stored = json.loads(json.dumps(DagSerialization.to_dict(dag)))
    again = DagSerialization.from_dict(stored)
    triggers = [asset for _, asset in again.timetable.asset_condition.iter_assets()]
    return {
        "dag_id": dag.dag_id,
        "file": Path(dag.fileloc).name,
        "doc": dag.doc_md or "",
        "tags": list(dag.tags),
        "timetable": type(dag.timetable).__name__,
        "dates": [] if triggers else _dates(again),
        "triggers": [asset.name for asset in triggers],
        "watchers": [
            {"asset": asset.name, "name": watcher.name, **watcher.trigger}
            for asset in triggers
            for watcher in asset.watchers
        ],
        "tasks": [_task(task, again.get_task(task.task_id)) for task in dag.tasks],
    }


def _dates(again: Any) -> list[str]:
    """Logical dates of the first runs by calendar, each reckoned from the one before as the scheduler does."""
    dates, before = [], None
    for _ in range(3):
        restriction = TimeRestriction(again.start_date, None, catchup=again.catchup)
        found = again.timetable.next_dagrun_info(last_automated_data_interval=before, restriction=restriction)
        if found is None:
            break
        dates.append(found.logical_date.isoformat())
        before = found.data_interval
    return dates


def _task(task: Any, again: Any) -> dict[str, Any]:
    return {
        "task_id": task.task_id,
        "doc": task.doc_md or "",
        "owner": again.owner,
        "pool": again.pool,
        "retries": again.retries,
        "rules": [
            {"exceptions": rule.exception, "action": rule.action.value, "reason": rule.reason}
            for rule in (task.retry_policy.rules if task.retry_policy else [])
        ],
        "has_timeout": again.execution_timeout is not None,
        "downstream": list(again.downstream_task_ids),
        "outlets": [asset.name for asset in again.outlets],
    }


if __name__ == "__main__":
    # Airflow logs to the standard output, so the description goes to a file.
    Path(sys.argv[2]).write_text(json.dumps(describe(Path(sys.argv[1]))))
