"""The body of ``score_transactions`` while the store of the past is away: tried again, then decided without it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from include.governance.decisions import PROVISIONAL
from include.governance.incidents import open_incidents
from include.orchestration import tasks
from include.settings import Settings, Stream
from include.stores.cassandra.errors import StoreUnavailable
from include.stores.lake.ledger import Stage
from tests.pipeline.conftest import LiveBank, NoRules

WAKE_UP = SimpleNamespace(partition_key=None, clear_number=0)


@pytest.fixture
def score(bank: LiveBank, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs the body on the bank's lake; Cassandra is away as long as ``away`` says so."""

    def run(patience: float, run: Any = WAKE_UP, away: str = "no node let us in") -> list[str]:
        now = Settings(lake_uri=bank.lake.uri, stream=Stream(history_patience_seconds=patience))
        monkeypatch.setattr(tasks, "settings", lambda: now)
        monkeypatch.setattr(tasks, "_rules", NoRules)

        def score_or_not(lake: Any, batches: range) -> list[str]:
            if away:
                raise StoreUnavailable(away)
            return [str(one) for one in bank.score(batches)]

        monkeypatch.setattr(tasks, "_score", score_or_not)
        return tasks.score(run)

    return run


def test_a_short_absence_is_a_failure_that_is_tried_again(bank: LiveBank, score) -> None:
    bank.accept(1)
    with pytest.raises(StoreUnavailable):
        score(patience=60)
    assert bank.ledger.manifest(PROVISIONAL, 3) is None


def test_a_long_one_is_decided_without_history_told_and_over_when_all_is_scored(
    bank: LiveBank, score
) -> None:
    bank.accept(2)
    with pytest.raises(
        AirflowSkipException, match="140 transactions in 2 batches are decided without history"
    ):
        score(patience=0)
    assert [one.key for one in open_incidents(bank.lake)] == ["no-history"]
    assert bank.scored == 3
    assert score(patience=0, away="") == ["3", "4"]
    assert open_incidents(bank.lake) == ()
    assert (bank.ledger.manifest(Stage.SCORED, 4) or {})["provisional"]["level"] == "NO_HISTORY"


def test_a_batch_done_again_by_hand_keeps_its_decisions_and_waits(bank: LiveBank, score) -> None:
    by_hand = SimpleNamespace(partition_key="0000000001", clear_number=1)
    with pytest.raises(StoreUnavailable):
        score(patience=0, run=by_hand)
    assert bank.ledger.manifest(PROVISIONAL, 1) is None


def test_another_error_is_no_absence(bank: LiveBank, score, monkeypatch: pytest.MonkeyPatch) -> None:
    bank.accept(1)
    monkeypatch.setattr(tasks, "is_store_away", lambda error: False)
    with pytest.raises(StoreUnavailable):
        score(patience=0)
    assert bank.ledger.manifest(PROVISIONAL, 3) is None
