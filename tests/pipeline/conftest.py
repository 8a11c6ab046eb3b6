"""A bank whose stream is accepted and scored batch by batch, in this process, on stores in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from include.detection.bundle import ModelBundle
from include.detection.detectors.gradient_boosting import BoostingSettings
from include.detection.registry import Deployed
from include.detection.training import TrainingSettings, train
from include.features.history import features_of_history
from include.pipeline.labelling import VERDICT_SCHEMA
from include.pipeline.models import model_registry
from include.pipeline.scoring import LocalScorer, score
from include.pipeline.states import write_states
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, batch_folder
from include.stores.lake.names import LABELS
from include.stores.memory.state import MemoryStateStore
from include.transactions.schema import ACCEPTED_SCHEMA
from include.transactions.simulator.bank import SimulatedBank
from tests.pipeline.audited_bank import AuditedBank, copy_of, template

START = datetime(2026, 1, 1, tzinfo=UTC)
HISTORY_DAYS = 2
BATCH_ROWS = 70


class NoRules:
    """A rule set, and what loads it, without a rule."""

    version = "none"
    lists = 0

    def current(self) -> NoRules:
        return self

    def load(self, version: str, lists_number: int) -> NoRules:
        return self

    def evaluate(self, table: pa.Table) -> list[tuple[()]]:
        return [()] * table.num_rows


class NoModel:
    """A registry without a model."""

    def current(self) -> None:
        return None

    def deployed(self) -> Deployed:
        return Deployed(None)


@dataclass(frozen=True)
class LiveBank:
    """A lake, and the live store beside it."""

    lake: Lake
    states: MemoryStateStore
    stream: pa.Table  # ACCEPTED_SCHEMA
    registry: Any = field(default_factory=NoModel)

    @property
    def ledger(self) -> BatchLedger:
        return BatchLedger(self.lake)

    @property
    def scored(self) -> int:
        """How many batches have been scored."""
        return self.ledger.cursor(Stage.SCORED).next_batch

    def accept(self, count: int) -> None:
        """Accept the next batches of the stream."""
        for number in range(self.scored, self.scored + count):
            rows = self.stream.slice(number * BATCH_ROWS, BATCH_ROWS)
            assert rows.num_rows, "the stream is at its end: ask for fewer batches"
            self.lake.write_table(f"{batch_folder(Stage.ACCEPTED, number)}/data.parquet", rows)
            self.ledger.complete(Stage.ACCEPTED, number, {"accepted": rows.num_rows})

    def score(self, batches: range) -> list[int]:
        """Score batches, for the first time or again."""
        scorer = LocalScorer(self.lake, self.states, self.registry, NoRules())  # type: ignore[arg-type]
        return score(batches, self.ledger, self.lake, self.registry, NoRules(), lambda rows: scorer)

    def tell(self, transactions: Iterable[tuple[int, int]], fraud: bool = True) -> None:
        """Collect a batch of verdicts on scored transactions, each a batch and a row of it."""
        labels, parts = self.ledger.cursor(LABELS).next_batch, [VERDICT_SCHEMA.empty_table()]
        for batch, row in transactions:
            scored = self.lake.read_table(f"{batch_folder(Stage.SCORED, batch)}/data.parquet").slice(row, 1)
            names = ("transaction_id", "account_id", "counterparty_id", "occurred_at")
            columns = {
                **{name: scored[name] for name in names},
                "is_fraud": pa.array([fraud]),
                "source": pa.array(["ANALYST"]),
                "labelled_at": scored["occurred_at"],
                "batch": pa.array([batch]),
            }
            parts.append(pa.table([columns[name] for name in VERDICT_SCHEMA.names], schema=VERDICT_SCHEMA))
        self.lake.write_table(f"{batch_folder(LABELS, labels)}/joined.parquet", pa.concat_tables(parts))
        self.ledger.complete(LABELS, labels, {"accepted": len(parts) - 1})

    def run(self, count: int) -> None:
        """Accept and score the next batches."""
        self.accept(count)
        self.score(self.ledger.due(Stage.SCORED))

    def change(self, batch: int, row: int, feature: str, by: float = 1.0) -> dict[str, Any]:
        """Change a feature that was stored with a scored transaction; returns its row."""
        path = f"{batch_folder(Stage.SCORED, batch)}/data.parquet"
        table = self.lake.read_table(path)
        rows = table.to_pylist()
        rows[row]["features"][feature] += by
        self.lake.write_table(path, pa.Table.from_pylist(rows, schema=table.schema))
        return dict(rows[row])


def arrived(transactions: pa.Table) -> pa.Table:
    n = transactions.num_rows
    columns = [*transactions.columns, pa.array([0] * n, pa.int32()), pa.array(range(n), pa.int64())]
    return pa.table([*columns, transactions["occurred_at"]], schema=ACCEPTED_SCHEMA)


@pytest.fixture
def make_bank(tmp_path) -> Callable[[], LiveBank]:
    """Two days of history in the lake and in the live store, and the day after them to be accepted."""

    def make() -> LiveBank:
        lake, bank = Lake((tmp_path / "lake").as_uri()), SimulatedBank(5, 100, start=START)
        past = [bank.day(day).transactions for day in range(HISTORY_DAYS)]
        states, store = features_of_history(pa.concat_tables(past)).states, MemoryStateStore()
        write_states(lake, "simulated_banks/a/states.parquet", states)
        for kind, by_key in states.items():
            store.write(kind, by_key, -1)
        days = [bank.day(HISTORY_DAYS + day).transactions for day in range(12)]
        return LiveBank(lake, store, arrived(pa.concat_tables(days)))

    return make


@pytest.fixture
def with_champion(make_bank: Callable[[], LiveBank], bundle: ModelBundle) -> Callable[[int], LiveBank]:
    """A bank whose champion has scored so many batches."""

    def make(batches: int) -> LiveBank:
        made = make_bank()
        model_registry(made.lake).publish(bundle)
        live = replace(made, registry=model_registry(made.lake))
        live.run(batches)
        return live

    return make


@pytest.fixture
def bank(make_bank) -> LiveBank:
    """Three batches of it have been scored."""
    made = make_bank()
    made.run(3)
    return made


@pytest.fixture(scope="session")
def train_small() -> Callable[..., ModelBundle]:
    """Trains small models on a small bank's history, by the real features; equal seeds, equal models."""
    days = [SimulatedBank(5, 100, start=START).day(day) for day in range(8)]
    transactions = pa.concat_tables([day.transactions for day in days])
    features = features_of_history(transactions).features
    truth = pa.concat_tables([day.labels for day in days])["is_fraud"].to_numpy()

    def make(seed: int = 0, created: datetime = START, misled: bool = False) -> ModelBundle:
        return train(
            features,
            np.roll(truth, 11) if misled else truth,
            transactions["occurred_at"].cast(pa.timestamp("us")).to_numpy(),
            transactions["amount"].cast(pa.float64()).to_numpy(),
            settings=TrainingSettings(
                seed=seed, min_frauds=3, boosting=BoostingSettings(rounds=8, max_bin=64, n_jobs=1)
            ),
            created_at=created,
        )

    return make


@pytest.fixture(scope="session")
def bundle(train_small: Callable[..., ModelBundle]) -> ModelBundle:
    return train_small(0)


@pytest.fixture(scope="session")
def other_bundle(train_small: Callable[..., ModelBundle]) -> ModelBundle:
    return train_small(1, START + timedelta(days=1))


@pytest.fixture
def audited(tmp_path_factory, tmp_path) -> AuditedBank:
    """A lake with sealed batches, to be changed at will."""
    return copy_of(template(tmp_path_factory.getbasetemp() / "audited"), tmp_path / "audited")
