"""A bank whose stream is accepted and scored batch by batch, in this process, on stores in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from include.features.history import features_of_history
from include.pipeline.scoring import LocalScorer, score
from include.pipeline.states import write_states
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, batch_folder
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

    def current(self) -> NoRules:
        return self

    def evaluate(self, table: pa.Table) -> list[tuple[()]]:
        return [()] * table.num_rows


class NoModel:
    """A registry without a model."""

    def current(self) -> None:
        return None


@dataclass(frozen=True)
class LiveBank:
    """A lake, and the live store beside it."""

    lake: Lake
    states: MemoryStateStore
    stream: pa.Table  # ACCEPTED_SCHEMA

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
        scorer = LocalScorer(self.lake, self.states, NoModel(), NoRules())  # type: ignore[arg-type]
        return score(batches, self.ledger, self.lake, NoModel(), lambda rows: scorer)  # type: ignore[arg-type]

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
        days = [bank.day(HISTORY_DAYS + day).transactions for day in range(3)]
        return LiveBank(lake, store, arrived(pa.concat_tables(days)))

    return make


@pytest.fixture
def bank(make_bank) -> LiveBank:
    """Three batches of it have been scored."""
    made = make_bank()
    made.run(3)
    return made


@pytest.fixture
def audited(tmp_path_factory, tmp_path) -> AuditedBank:
    """A lake with sealed batches, to be changed at will."""
    return copy_of(template(tmp_path_factory.getbasetemp() / "audited"), tmp_path / "audited")
