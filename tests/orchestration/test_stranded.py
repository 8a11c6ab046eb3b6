"""What the sweep wakes: batches that are due, unless a run that is under way does them."""

from __future__ import annotations

from typing import Any

import pytest

from include.orchestration import tasks
from include.settings import Settings
from include.stores.lake.ledger import Stage
from tests.pipeline.conftest import LiveBank


class Airflow:
    """Answers as a task instance's ``get_dr_count`` does."""

    def __init__(self, *busy: str) -> None:
        self.busy = busy

    def count_runs(self, dag_id: str, states: list[str]) -> int:
        assert states == ["queued", "running"]
        return int(dag_id in self.busy)


@pytest.fixture(autouse=True)
def lake_of_the_bank(bank: LiveBank, monkeypatch: pytest.MonkeyPatch) -> Any:
    now = Settings(lake_uri=bank.lake.uri)
    monkeypatch.setattr(tasks, "settings", lambda: now)


def test_the_newest_of_what_is_due_and_nobody_does(bank: LiveBank) -> None:
    nobody = Airflow().count_runs
    before = tasks.stranded(Stage.SCORED, nobody)
    bank.accept(2)
    assert before == []
    assert tasks.stranded(Stage.SCORED, nobody) == [str(bank.ledger.due(Stage.SCORED)[-1]).zfill(10)]


@pytest.mark.parametrize(
    ("stage", "dag"),
    [
        (Stage.SCORED, "score_transactions"),
        (Stage.ALERTED, "raise_alerts"),
        (Stage.STORED, "load_cassandra"),
    ],
)
def test_what_a_run_is_about_to_do_is_left_to_it(bank: LiveBank, stage: Stage, dag: str) -> None:
    bank.accept(2)
    bank.score(bank.ledger.due(Stage.SCORED))
    bank.accept(2)
    assert tasks.stranded(stage, Airflow().count_runs)
    assert tasks.stranded(stage, Airflow(dag).count_runs) == []


def test_the_stages_have_dags_of_these_names() -> None:
    from tests.dags.test_assets import FLOW

    assert set(tasks._DAG_OF.values()) <= set().union(*(consumers for _, _, consumers in FLOW))
