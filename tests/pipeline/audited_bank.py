"""A lake whose batches were scored with the shipped rules, a small model and frozen labels; made once, then copied."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.detection.bundle import ModelBundle
from include.detection.decision import Budget
from include.detection.detectors import IsolationForest, OneClassSVM, PeerClusters
from include.detection.detectors.gradient_boosting import BoostingSettings
from include.detection.matrix import feature_matrix
from include.detection.registry import ModelRegistry
from include.detection.training import TrainingSettings, train
from include.features.catalogue import FEATURE_NAMES
from include.features.history import features_of_history
from include.governance.rule_book import RuleBook
from include.pipeline.batch_log import labels_of
from include.pipeline.labelling import VERDICT_SCHEMA
from include.pipeline.models import model_registry
from include.pipeline.scoring import Configuration, Models, score, score_table
from include.pipeline.states import write_states
from include.rules.columns import rule_columns
from include.rules.loader import RULES_DIRECTORY
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, batch_folder
from include.stores.lake.names import LABELS
from include.stores.memory.state import MemoryStateStore
from include.transactions.schema import ACCEPTED_SCHEMA
from include.transactions.simulator.bank import SimulatedBank

BATCHES = 3
#: The batch that came with labels.
LABELLED = 1
_ROWS = 70
_HISTORY_DAYS = 5


@dataclass(frozen=True)
class AuditedBank:
    """A copy of the lake, for one test."""

    folder: Path
    template: Path

    @property
    def lake(self) -> Lake:
        return Lake((self.folder).as_uri())

    @property
    def registry(self) -> ModelRegistry:
        """Of this copy: loads the model anew each time it is asked for."""
        return model_registry(self.lake)

    @property
    def ledger(self) -> BatchLedger:
        return BatchLedger(self.lake)

    def path(self, stage: Stage, batch: int, name: str = "data.parquet") -> Path:
        return self.folder / batch_folder(stage, batch) / name

    def scored(self, batch: int) -> pa.Table:
        return self.lake.read_table(f"{batch_folder(Stage.SCORED, batch)}/data.parquet")

    def an_id(self, batch: int, decision: str = "ALERT") -> str:
        rows = self.scored(batch).select(["transaction_id", "decision"]).to_pylist()
        return str(next(row["transaction_id"] for row in rows if row["decision"] == decision))

    def change(self, stage: Stage, batch: int, change: Any, name: str = "data.parquet") -> None:
        """Write a file with other rows; ``change`` gets and may alter the list of rows."""
        path = f"{batch_folder(stage, batch)}/{name}"
        table = self.lake.read_table(path)
        rows = table.to_pylist()
        change(rows)
        self.lake.write_table(path, pa.Table.from_pylist(rows, schema=table.schema))


@cache
def template_registry(folder: Path) -> ModelRegistry:
    """Of the lake that is copied, with the model in memory."""
    registry = model_registry(Lake(folder.as_uri()))
    registry.current()
    return registry


@cache
def shipped_rules() -> RuleBook:
    """A book of the shipped rules, in a lake of its own."""
    book = RuleBook(Lake(Path(tempfile.mkdtemp()).as_uri()), rule_columns())
    book.publish_shipped(RULES_DIRECTORY)
    return book


def flip(path: Path, at: int = -1) -> None:
    """Change one bit of a file; by default in its middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if at < 0 else at] ^= 1
    path.write_bytes(content)


def copy_of(template: Path, target: Path) -> AuditedBank:
    shutil.copytree(template, target)
    return AuditedBank(target, template)


@cache
def template(folder: Path) -> Path:
    """The lake that is copied; never to be changed."""
    lake, bank = Lake(folder.as_uri()), SimulatedBank(5, 100, start=datetime(2026, 1, 1, tzinfo=UTC))
    past = pa.concat_tables([bank.day(day).transactions for day in range(_HISTORY_DAYS)])
    history = features_of_history(past)
    write_states(lake, "simulated_banks/a/states.parquet", history.states)
    store = MemoryStateStore()
    for kind, by_key in history.states.items():
        store.write(kind, by_key, -1)
    registry = model_registry(lake)
    registry.publish(_model(past, history.features))
    days = pa.concat_tables([bank.day(_HISTORY_DAYS + day).transactions for day in range(2)])
    _score(lake, store, registry, _arrived(days))
    return folder


def _score(lake: Lake, store: MemoryStateStore, registry: ModelRegistry, stream: pa.Table) -> None:
    ledger, rules = BatchLedger(lake), RuleBook(lake, rule_columns())
    rules.publish_shipped(RULES_DIRECTORY)
    for number in range(BATCHES):
        rows = stream.slice(number * _ROWS, _ROWS)
        lake.write_table(f"{batch_folder(Stage.ACCEPTED, number)}/data.parquet", rows)
        ledger.complete(Stage.ACCEPTED, number, {"accepted": rows.num_rows})
    # Only a label of a counterparty that is paid again shows in a feature.
    again = pc.is_in(
        stream["counterparty_id"], stream["counterparty_id"].slice(_ROWS, _ROWS).combine_chunks()
    )
    told = _labels(stream.slice(0, _ROWS).filter(again.slice(0, _ROWS)))

    def scorer(batch: int, configuration: Configuration) -> pa.Table:
        accepted = lake.read_table(f"{batch_folder(Stage.ACCEPTED, batch)}/data.parquet")
        models, in_force = Models.of(configuration, registry), rules.current()
        return score_table(
            accepted, batch, store, models, in_force, configuration.scored_at, labels_of(lake, batch)
        )

    for batch in ledger.due(Stage.SCORED):
        if batch == LABELLED:
            lake.write_table(f"{batch_folder(LABELS, 0)}/joined.parquet", told)
            ledger.complete(LABELS, 0, {"accepted": told.num_rows})
        score(range(batch, batch + 1), ledger, lake, registry, rules, lambda rows: scorer)


def _model(past: pa.Table, features: pa.Table) -> ModelBundle:
    amounts = past["amount"].cast(pa.float64()).to_numpy()
    settings = TrainingSettings(
        seed=1,
        min_rows=100,
        budget=Budget(alerts=0.1, reviews=0.1),
        boosting=BoostingSettings(rounds=8, max_bin=64, n_jobs=1),
    )
    columns = features.select(list(FEATURE_NAMES))
    bundle = train(
        columns,
        amounts > np.quantile(amounts, 0.95),
        past["occurred_at"].cast(pa.timestamp("us")).to_numpy(),
        amounts,
        ["large_amount"] * len(amounts),
        settings,
    )
    # Anomaly detectors that load and score fast.
    matrix = feature_matrix(columns, FEATURE_NAMES)
    light = (IsolationForest(trees=5), OneClassSVM(components=20), PeerClusters(clusters=3))
    for detector in light:
        detector.fit(matrix, None, seed=1)
    return replace(bundle, anomaly_detectors=light)


def _arrived(transactions: pa.Table) -> pa.Table:
    n = transactions.num_rows
    columns = [*transactions.columns, pa.array([0] * n, pa.int32()), pa.array(range(n), pa.int64())]
    return pa.table([*columns, transactions["occurred_at"]], schema=ACCEPTED_SCHEMA)


def _labels(transactions: pa.Table) -> pa.Table:
    rows = [
        {
            "transaction_id": row["transaction_id"],
            "account_id": row["account_id"],
            "is_fraud": number % 2 == 0,
            "source": "ANALYST",
            "labelled_at": row["occurred_at"] + timedelta(minutes=1),
            "counterparty_id": row["counterparty_id"],
            "occurred_at": row["occurred_at"],
            "batch": 0,
        }
        for number, row in enumerate(transactions.to_pylist())
    ]
    return pa.Table.from_pylist(rows, schema=VERDICT_SCHEMA)
