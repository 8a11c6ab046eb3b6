"""Failed tries are counted as Airflow keeps them: the last one of a task in one table, those before it in another."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.models import import_all_models
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.utils import session as airflow_session
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from plugins.fraud_desk.airflow_tasks import failed_tries

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Airflow's two tables, without rows."""
    import_all_models()  # what the tables refer to
    engine = create_engine("sqlite://")
    tables = [TaskInstance.__table__, TaskInstanceHistory.__table__]
    TaskInstance.metadata.create_all(engine, tables=tables)  # type: ignore[arg-type]

    @contextmanager
    def create_session() -> Iterator[Session]:
        with Session(engine) as session:
            yield session

    monkeypatch.setattr(airflow_session, "create_session", create_session)
    return engine


def put(
    engine: Engine, table: Any, dag: str, state: str, at: datetime, began: datetime | None = NOW - 3 * HOUR
) -> None:
    """A try of a task, with whatever else the table insists on."""
    values: dict[str, Any] = {
        "dag_id": dag,
        "state": state,
        "end_date": at,
        "try_number": 1,
        "start_date": began,
    }
    given = {"task_id": "t", "run_id": uuid.uuid4().hex, "pool": "p", "pool_slots": 1, "map_index": -1}
    for column in table.__table__.columns:
        if column.name in given:
            values[column.name] = given[column.name]
        elif column.primary_key:
            values[column.name] = uuid.uuid4()
    with engine.begin() as connection:
        connection.execute(table.__table__.insert().values(values))


def test_tries_by_dag_and_by_what_came_of_them(database: Engine) -> None:
    recent, old = NOW - HOUR / 2, NOW - 2 * HOUR
    put(database, TaskInstance, "train_models", "failed", recent)
    put(database, TaskInstance, "train_models", "failed", old)
    put(database, TaskInstance, "train_models", "success", recent)
    put(database, TaskInstance, "sweep_batches", "up_for_retry", recent)  # its try is in the history
    for _ in range(2):
        put(database, TaskInstanceHistory, "sweep_batches", "failed", recent)
    put(database, TaskInstanceHistory, "train_models", "failed", recent)
    put(database, TaskInstanceHistory, "train_models", "success", recent)  # cleared by somebody
    put(database, TaskInstanceHistory, "train_models", "failed", old)
    put(database, TaskInstanceHistory, "build_reports", "failed", recent, None)  # waited as a scheduler died
    assert failed_tries(NOW - HOUR) == {
        ("train_models", "given_up"): 1,
        ("train_models", "tried_again"): 1,
        ("sweep_batches", "tried_again"): 2,
    }


def test_nothing_failed(database: Engine) -> None:
    assert failed_tries(NOW - HOUR) == {}
