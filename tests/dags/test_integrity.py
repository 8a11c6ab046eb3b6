"""Every DAG: imports, names, documentation, retries, and a file that stays thin."""

from __future__ import annotations

import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from pkgutil import resolve_name

import pytest

from tests.dags.facts import FILES, Bag, Dag

#: The most lines a DAG file may have: it is wiring, the work is in include/.
LINES = 70

#: What a DAG file may import at its top besides the standard library.
LIGHT = {
    "airflow.sdk",
    "airflow.sdk.exceptions",
    "include.assets",
    "include.orchestration.approval",
    "include.orchestration.operators",
    "include.orchestration.retries",
    "include.settings",
}

each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


@pytest.fixture
def dag(file: Path, bag: Bag) -> Dag:
    """The one DAG of a file."""
    (dag,) = [dag for dag in bag.dags if dag.file == file.name]
    return dag


def test_every_file_imports(bag: Bag) -> None:
    assert bag.import_errors == {}


def test_parsing_loads_nothing_heavy(bag: Bag) -> None:
    assert bag.heavy == []


def test_every_file_is_one_dag(bag: Bag) -> None:
    assert sorted(dag.file for dag in bag.dags) == [file.name for file in FILES]


def test_pools_are_named_where_tasks_must_not_meet(bag: Bag) -> None:
    """Tasks that write in order share a slot, so nothing of a stage may run outside its pool."""
    by_pool: dict[str, set[str]] = {}
    for dag in bag.dags:
        for task in dag.tasks:
            if task.pool != "default_pool":
                by_pool.setdefault(task.pool, set()).add(dag.dag_id)
    chain = {"process_transactions", "score_transactions", "raise_alerts", "load_cassandra"}
    pools = {dag_id: {pool for pool, dags in by_pool.items() if dag_id in dags} for dag_id in chain}
    assert all(len(found) == 1 for found in pools.values()), pools
    assert len(set.union(*pools.values())) == len(chain), pools


@each_file
def test_named_like_its_file(dag: Dag, file: Path) -> None:
    assert dag.dag_id == file.stem


@each_file
def test_page_in_the_ui_is_the_docstring(dag: Dag, file: Path) -> None:
    docstring = ast.get_docstring(ast.parse(file.read_text()), clean=False)
    assert docstring
    assert dag.doc == docstring
    assert docstring.startswith(f"# {dag.dag_id}\n")


@each_file
def test_has_tags_and_owners(dag: Dag) -> None:
    assert dag.tags
    assert all(task.owner not in ("", "airflow") for task in dag.tasks)


@each_file
def test_every_task_says_what_it_does(dag: Dag) -> None:
    assert [task.task_id for task in dag.tasks if not task.doc.strip()] == []


def test_runs_by_calendar_come_again(bag: Bag) -> None:
    # A run whose date is that of the run before is never made: Airflow has it already.
    assert {dag.dag_id for dag in bag.dags if len(set(dag.dates)) != len(dag.dates)} == set()
    assert "ingest_transactions" in {dag.dag_id for dag in bag.dags if len(dag.dates) == 3}


@each_file
def test_tasks_form_no_cycle(dag: Dag) -> None:
    list(TopologicalSorter({task.task_id: task.downstream for task in dag.tasks}).static_order())


@each_file
def test_retries_by_exception_class(dag: Dag) -> None:
    """What an event started has nobody to repeat it but its retries; a timer comes round again."""
    for task in dag.tasks:
        assert {rule.action for rule in task.rules} == {"retry", "fail"}
        assert all(rule.reason for rule in task.rules)
        assert task.has_timeout
        assert task.retries >= 3 or not dag.triggers


def test_retried_exceptions_exist(bag: Bag) -> None:
    names = {
        name for dag in bag.dags for task in dag.tasks for rule in task.rules for name in rule.exceptions
    }
    assert names
    for name in names:
        assert issubclass(resolve_name(name), BaseException), name


@each_file
def test_file_is_thin(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= LINES


@each_file
def test_imports_nothing_heavy_at_its_top(file: Path) -> None:
    imported: set[str] = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or ".")
    assert {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names} <= LIGHT
