"""A model that changes, through real DAG runs: with evidence, with a name, and back again."""

from __future__ import annotations

import time
import urllib.error
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from include.detection.budget import threshold_for
from include.governance.audit import ACTIONS, AuditChain
from include.governance.verify import verify_audit
from include.local.airflow_api import AirflowApi
from include.pipeline.challengers import ChallengerBook, Phase
from include.pipeline.models import model_registry
from include.pipeline.shadow import judge
from include.settings import Settings
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, batch_folder
from include.stores.lake.names import LABELS
from include.transactions.labels import LabelEvent, encode_label
from tests.conftest import KafkaServer
from tests.end_to_end.demos import run_demo

pytestmark = [pytest.mark.servers, pytest.mark.e2e, pytest.mark.timeout(1500)]

#: Quick and on little evidence, as no bank would have it.
WANTED = {
    "owner": "model-owner@bank.example",
    "test_days": 8,
    "label_delay_days": 2,
    "alert_budget": 0.1,
    "compare_minutes": 0,
    "shadow_frauds": 8,
    "drift": {"missed_min": 20, "missed_delta": 0.2},
}
BUDGET = 0.1


def wait_for(what: str, found: Callable[[], Any], seconds: float = 240) -> Any:
    """What ``found`` returns once it is true."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(1)
    return value


class Bank:
    """The stack's lake and Airflow, and what a test wants of them."""

    def __init__(self, settings: Settings, kafka: KafkaServer, tmp_path: Path) -> None:
        self.settings, self.kafka, self.tmp_path = settings, kafka, tmp_path
        self.lake = Lake(settings.lake)
        self.api = AirflowApi(settings)
        self.ledger = BatchLedger(self.lake)

    @property
    def scored(self) -> int:
        return self.ledger.cursor(Stage.SCORED).next_batch

    def demo(self, records: int = 1_000) -> range:
        """Let some of the stream through; returns its batches."""
        first = self.scored
        run_demo(self.tmp_path, records)
        return range(first, self.scored)

    def rows(self, batches: Iterable[int]) -> pa.Table:
        paths = [f"{batch_folder(Stage.SCORED, batch)}/data.parquet" for batch in batches]
        return pa.concat_tables([self.lake.read_table(path) for path in paths])

    def tell(self, rows: Iterable[dict[str, Any]]) -> None:
        """Call transactions fraud, one after the other, and wait until the labels are collected."""
        now = datetime.now(UTC)
        labels = [
            LabelEvent(
                row["transaction_id"], row["account_id"], True, "ANALYST", now + timedelta(milliseconds=n)
            )
            for n, row in enumerate(rows)
        ]
        assert len(labels) >= 8, "too few transactions to speak of"
        before = self.ledger.cursor(LABELS).totals.get("accepted", 0)
        self.kafka.send(self.settings.topics.labels, map(encode_label, labels))
        wait_for(
            "the labels",
            lambda: self.ledger.cursor(LABELS).totals.get("accepted", 0) >= before + len(labels),
        )

    def flagged_by_one_alone(self, batches: range, one: str, other: str) -> list[dict[str, Any]]:
        """Transactions that one model flags within the budget, and the other does not."""
        registry, rows = model_registry(self.lake), self.rows(batches)
        scores = [judge(rows, registry.load(version))["score"].to_numpy() for version in (one, other)]
        mine, others = (values >= threshold_for(values, BUDGET) for values in scores)
        return rows.filter(pa.array(mine & ~others)).slice(0, 25).to_pylist()

    def phase(self, version: str) -> Phase:
        one = ChallengerBook(self.lake).get(version)
        assert one is not None
        return one.phase

    def run(self, dag_id: str, conf: dict[str, Any] | None = None) -> None:
        self.api.run(dag_id, conf or {}, 300)

    def newer_run(self, dag_id: str, since: datetime) -> str:
        """The run of a DAG that an asset started since a moment, once it is there."""

        def found() -> str | None:
            return next(
                (
                    run["dag_run_id"]
                    for run in self.api.runs(dag_id)
                    if run["run_type"] == "asset_triggered" and run["queued_at"] >= since.isoformat()[:19]
                ),
                None,
            )

        return str(wait_for(f"a run of {dag_id}", found))

    def finished(self, dag_id: str, run_id: str) -> str:
        def state() -> str | None:
            found = next(run["state"] for run in self.api.runs(dag_id) if run["dag_run_id"] == run_id)
            return found if found in ("success", "failed") else None

        return str(wait_for(f"the end of {dag_id}", state))

    def asked(self, dag_id: str, run_id: str) -> Any:
        """The question of a run, once it waits for a person."""
        wait_for(
            f"the question of {dag_id}",
            lambda: self.api.tasks(dag_id, run_id).get("approve") in ("awaiting_input", "deferred"),
        )
        time.sleep(5)  # as in test_change_rule: no person answers while the task is only being parked
        return self.api.question(dag_id, run_id, "approve")


@pytest.fixture
def bank(airflow: Settings, kafka: KafkaServer, tmp_path: Path) -> Bank:
    return Bank(airflow, kafka, tmp_path)


def test_from_labels_over_drift_to_a_promotion_and_a_demotion(bank: Bank) -> None:
    if model_registry(bank.lake).current() is None:
        bank.demo(300)
    bank.api.set_variable("adaptation", WANTED)
    bank.run("monitor_drift")  # learns what is usual; what was decided before that counts for nothing
    batches = bank.demo(1_500)
    champion = model_registry(bank.lake).current().version

    # Labels say: what was found before is not found any more.
    rows = bank.rows(batches).to_pylist()
    caught = [row for row in rows if row["decision"] == "ALERT"][:40]
    missed = [row for row in rows if row["decision"] == "ALLOW"][::15][:90]
    began = datetime.now(UTC)
    bank.tell([*caught, *missed])
    bank.run("monitor_drift")
    alarms = [
        bank.lake.read_json(f"drift/alarms/{n}")
        for n in bank.lake.names("drift/alarms")
        if n.endswith("json")
    ]
    assert any(
        alarm["kind"] == "missed_fraud" and "were not alerted" in alarm["sentence"] for alarm in alarms
    )

    # The alarm starts the training of a challenger, which goes into the shadow.
    assert bank.finished("train_models", bank.newer_run("train_models", began)) == "success"
    challenger = ChallengerBook(bank.lake).within(Phase.SHADOW)[-1].version
    assert challenger != champion
    batches = bank.demo()
    assert set(bank.rows(batches)["model_version"].to_pylist()) == {champion}
    bank.run("score_shadow")
    assert bank.phase(challenger) is Phase.SHADOW

    # It finds what the champion does not: a person is asked, and not just anybody.
    began = datetime.now(UTC)
    bank.tell(bank.flagged_by_one_alone(batches, challenger, champion))
    bank.run("score_shadow")
    assert bank.phase(challenger) is Phase.WAITING
    run = bank.newer_run("approve_model", began)
    question = bank.asked("approve_model", run)
    assert challenger in question["body"]
    assert "frauds flagged" in question["body"]
    assert model_registry(bank.lake).current().version == champion
    for user in ("viewer", "analyst"):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            AirflowApi(bank.settings, user).answer("approve_model", run, "approve", "Promote")
    AirflowApi(bank.settings, "approver").answer("approve_model", run, "approve", "Promote")
    assert bank.finished("approve_model", run) == "success"
    assert model_registry(bank.lake).current().version == challenger
    batches = bank.demo()
    assert set(bank.rows(batches)["model_version"].to_pylist()) == {challenger}

    # It gets worse than the one before it, which takes its place again.
    bank.run("score_shadow")
    bank.tell(bank.flagged_by_one_alone(batches, champion, challenger))
    bank.run("score_shadow")
    assert model_registry(bank.lake).current().version == champion
    assert bank.phase(challenger) is Phase.DEMOTED
    assert set(bank.rows(bank.demo(300))["model_version"].to_pylist()) == {champion}

    actions = [
        (record.actor, record.kind, record.subject) for record in AuditChain(bank.lake, ACTIONS).records()
    ]
    assert ("approver", "model: champion", challenger) in actions
    assert ("probation of the champion", "model: demoted", challenger) in actions
    told = [bank.lake.read_json(f"notices/{name}")["subject"] for name in bank.lake.names("notices")]
    assert f"Model {champion}: champion" in told
    assert verify_audit(bank.lake, None).problems == []
