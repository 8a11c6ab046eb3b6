"""A bank scored with the rule book: rules, lists and models change while batches go by, as they do live."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from include.detection.bundle import ModelBundle
from include.detection.detectors.gradient_boosting import BoostingSettings
from include.detection.scoring import score_batch
from include.detection.training import TrainingSettings, train
from include.features.history import features_of_history
from include.governance.list_entries import ListEntry
from include.governance.rule_book import RuleBook
from include.governance.rule_entry import RuleEntry
from include.pipeline.models import model_registry
from include.rules.columns import rule_columns
from include.rules.loader import RULES_DIRECTORY
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, batch_folder
from include.stores.lake.names import LABELS
from include.transactions.labels import ARRIVED_LABEL_SCHEMA
from include.transactions.schema import ACCEPTED_SCHEMA
from include.transactions.simulator import SimulatedBank

START = datetime(2026, 3, 1, tzinfo=UTC)
HISTORY_DAYS, LIVE_DAYS = 24, 4


def rule_text(rule_id: str, expression: str, version: int = 1, action: str = "ALERT") -> str:
    return (
        f"-- id: {rule_id}\n-- title: A title\n-- typology: card_testing\n-- severity: HIGH\n"
        f"-- owner: somebody\n-- version: {version}\n-- action: {action}\n{expression}\n"
    )


@dataclass
class RuledBank:
    """A lake, its book, and a stream with its features."""

    lake: Lake
    book: RuleBook
    stream: Any  # ACCEPTED_SCHEMA
    features: Any
    truth: Any
    past: tuple[Any, Any, Any]  # transactions, features and truth of the days before the stream
    model: ModelBundle | None = None
    place: int = 0

    @classmethod
    def of(cls, lake: Lake, seed: int = 11, customers: int = 120) -> RuledBank:
        book = RuleBook(lake, rule_columns())
        book.publish_shipped(RULES_DIRECTORY)
        return cls(lake, book, *_days(seed, customers))

    @property
    def rest(self) -> int:
        return int(self.stream.num_rows) - self.place

    def train(self, seed: int) -> None:
        """Another model decides from the next batch on."""
        settings = TrainingSettings(seed=seed, boosting=BoostingSettings(rounds=5, max_bin=64, n_jobs=1))
        past, features, truth = self.past
        bundle = train(
            features,
            truth["is_fraud"].to_numpy(),
            past["occurred_at"].cast(pa.timestamp("us")).to_numpy(),
            past["amount"].cast(pa.float64()).to_numpy(),
            truth["typology"].to_pylist(),
            settings,
        )
        self.model = model_registry(self.lake, lambda: None).publish(bundle)

    def score(self, batches: int, rows: int = 60) -> None:
        """Score the next batches as the live path does, and record what with."""
        ledger = BatchLedger(self.lake)
        for _ in range(batches):
            active = self.book.current()
            part = self.stream.slice(self.place, rows)
            assert part.num_rows, "the stream is at its end"
            features = self.features.slice(self.place, rows)
            scored = score_batch(part, features, self.model, active, START + timedelta(days=40))
            batch = ledger.cursor(Stage.SCORED).next_batch
            self.lake.write_table(f"{batch_folder(Stage.SCORED, batch)}/data.parquet", scored)
            ledger.complete(
                Stage.SCORED,
                batch,
                {"scored": scored.num_rows},
                facts={"ruleset": active.version, "lists": active.lists},
            )
            self.place += part.num_rows

    def put(self, rule_id: str, expression: str, **changes: Any) -> None:
        """Put a rule in force from the next batch on."""
        text = rule_text(rule_id, expression)
        entry = RuleEntry(**{"rule_id": rule_id, "text": text, "author": "ann", **changes})
        self.book.activate([*self.book.entries(), entry], "ann", "test", "bob")

    def block(self, account: str) -> None:
        """Put an account on the list from the next batch on."""
        entry = ListEntry(list="BLOCKED", subject="ACCOUNT", value=account, valid_from=START, reason="test")
        self.book.lists.append("ann", [entry])

    def label(self, arrived_at: datetime, rows: range, source: str = "ANALYST", wrong: bool = False) -> None:
        """The truth about rows of the stream becomes known, or its contrary."""
        ledger = BatchLedger(self.lake)
        batch = ledger.cursor(LABELS).next_batch
        chosen = self.stream.slice(rows.start, len(rows))
        fraud = self.truth["is_fraud"].to_numpy()[rows.start : rows.stop] ^ wrong
        n = len(rows)
        columns = [
            chosen["transaction_id"], chosen["account_id"], pa.array(fraud), [source] * n, [arrived_at] * n,
            np.zeros(n, np.int32), np.arange(n), [arrived_at] * n,
        ]  # fmt: skip
        table = pa.table([pa.array(column) if isinstance(column, list) else column for column in columns],
                         names=ARRIVED_LABEL_SCHEMA.names).cast(ARRIVED_LABEL_SCHEMA)  # fmt: skip
        self.lake.write_table(f"{batch_folder(LABELS, batch)}/data.parquet", table)
        ledger.complete(LABELS, batch, {"accepted": n})


@lru_cache(maxsize=4)
def _days(seed: int, customers: int) -> tuple[Any, Any, Any, tuple[Any, Any, Any]]:
    """Stream, its features and the truth about it, and the same of the days before."""
    bank = SimulatedBank(seed, customers, start=START)
    days = [bank.day(day) for day in range(HISTORY_DAYS + LIVE_DAYS)]
    whole = pa.concat_tables([day.transactions for day in days])
    features, truth = features_of_history(whole).features, pa.concat_tables([day.labels for day in days])
    past = sum(day.transactions.num_rows for day in days[:HISTORY_DAYS])
    before = (whole.slice(0, past), features.slice(0, past), truth.slice(0, past))
    return _arrived(whole.slice(past)), features.slice(past), truth.slice(past), before


def _arrived(transactions: Any) -> Any:
    n = transactions.num_rows
    columns = [*transactions.columns, pa.array(np.zeros(n, np.int32)), pa.array(np.arange(n))]
    return pa.table([*columns, transactions["occurred_at"]], schema=ACCEPTED_SCHEMA)
