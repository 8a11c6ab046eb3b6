"""What the tests know about the DAGs: Airflow's view of them, and the text of their files."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.settings import PROJECT

FILES = sorted((PROJECT / "dags").glob("*.py"))


@dataclass(frozen=True, slots=True)
class RetryRule:
    """What happens after some exceptions, and why."""

    exceptions: Sequence[str]
    action: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Task:
    """A task as a scheduler reads it back."""

    task_id: str
    doc: str
    owner: str
    pool: str
    retries: int
    rules: Sequence[RetryRule]
    has_timeout: bool
    downstream: Sequence[str]
    outlets: Sequence[str]


@dataclass(frozen=True, slots=True)
class Watcher:
    """A trigger that makes events of an asset."""

    asset: str
    name: str
    classpath: str
    kwargs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Dag:
    """A DAG as a scheduler reads it back."""

    dag_id: str
    file: str
    doc: str
    tags: Sequence[str]
    timetable: str
    dates: Sequence[str]
    triggers: Sequence[str]
    watchers: Sequence[Watcher]
    tasks: Sequence[Task]

    @property
    def outlets(self) -> set[str]:
        """Names of the assets its tasks produce."""
        return {name for task in self.tasks for name in task.outlets}


@dataclass(frozen=True, slots=True)
class Bag:
    """Everything Airflow makes of the folder."""

    import_errors: Mapping[str, str]
    heavy: Sequence[str]
    dags: Sequence[Dag]

    def producers(self, asset: str) -> set[str]:
        """Ids of the DAGs that produce an asset."""
        return {dag.dag_id for dag in self.dags if asset in dag.outlets}

    def consumers(self, asset: str) -> set[str]:
        """Ids of the DAGs that an asset starts."""
        return {dag.dag_id for dag in self.dags if asset in dag.triggers}


def load(home: Path) -> Bag:
    """Describe the DAG folder in a process with an Airflow of its own in ``home``."""
    out = home / "dags.json"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    done = subprocess.run(
        [sys.executable, str(PROJECT / "tests" / "dags" / "describe.py"), str(PROJECT / "dags"), str(out)],
        env=environment
        | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "PYTHONPATH": str(PROJECT),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    document = json.loads(out.read_text())
    return Bag(document["import_errors"], document["heavy"], [_dag(dag) for dag in document["dags"]])


def _dag(document: dict[str, Any]) -> Dag:
    tasks = [
        Task(**{**task, "rules": [RetryRule(**rule) for rule in task["rules"]]}) for task in document["tasks"]
    ]
    watchers = [Watcher(**watcher) for watcher in document["watchers"]]
    return Dag(**{**document, "tasks": tasks, "watchers": watchers})


def declared_assets() -> dict[str, str]:
    """Names of the assets by the constant that holds them in include/assets.py."""
    found = {}
    for node in ast.parse((PROJECT / "include" / "assets.py").read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            names = [word.value for word in node.value.keywords if word.arg == "name"]
            if ast.unparse(node.value.func) == "Asset":
                (target,), (name,) = node.targets, names
                found[ast.unparse(target)] = ast.literal_eval(name)
    return found


def keyed_assets(file: Path) -> set[str]:
    """Names of the assets to whose events a DAG file gives partition keys."""
    constants = {
        ast.unparse(node.func.value.slice)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "add_partitions"
        and isinstance(node.func.value, ast.Subscript)
    }
    declared = declared_assets()
    return {declared[constant] for constant in constants}
