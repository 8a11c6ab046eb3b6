"""A simulated bank's past, as the benchmarks train on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from include.detection.bundle import ModelBundle
from include.detection.training import TrainingSettings, train
from include.features.compute import FeatureResult
from include.features.history import features_of_history
from include.features.labels import join_labels
from include.transactions.labels import LABEL_SCHEMA, LabelEvent
from include.transactions.simulator import SimulatedBank
from include.transactions.simulator.label_feed import label_events

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class History:
    """Days of a bank, and what is known about them."""

    transactions: pa.Table  # TRANSACTION_SCHEMA
    labels: pa.Table  # JOINED_LABEL_SCHEMA
    truth: pa.Table  # TRUTH_SCHEMA, row by row

    @classmethod
    def of(cls, bank: SimulatedBank, days: int) -> Self:
        """The first days of a bank."""
        made = [bank.day(day) for day in range(days)]
        told = _labels([event for day in made for event in label_events(day, bank.seed)])
        transactions = pa.concat_tables([day.transactions for day in made])
        truth = pa.concat_tables([day.labels for day in made])
        return cls(transactions, join_labels(told, transactions), truth)

    def first(self, count: int) -> History:
        """Its first transactions; labels about later ones are dropped."""
        transactions = self.transactions.slice(0, count)
        labels = join_labels(self.labels.select(LABEL_SCHEMA.names), transactions)
        return History(transactions, labels, self.truth.slice(0, count))

    def features(self) -> FeatureResult:
        """Features as each transaction would have had them, and the states after the last."""
        return features_of_history(self.transactions, labels=self.labels)

    def train(self, features: pa.Table, settings: TrainingSettings) -> ModelBundle:
        """A model of its features and the truth about them."""
        return train(
            features,
            self.is_fraud,
            self.transactions["occurred_at"].cast(pa.timestamp("us")).to_numpy(),
            features["amount_value"].to_numpy(),
            settings=settings,
        )

    @property
    def is_fraud(self) -> npt.NDArray[np.bool_]:
        """Shape (n,)."""
        return np.asarray(self.truth["is_fraud"].to_numpy())

    def save(self, folder: Path) -> None:
        """Write it for another process."""
        for name in self.__slots__:
            pq.write_table(getattr(self, name), folder / f"{name}.parquet")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        return cls(*(pq.read_table(folder / f"{name}.parquet") for name in cls.__slots__))


def _labels(events: Sequence[LabelEvent]) -> pa.Table:
    rows = [{name: getattr(event, name) for name in LABEL_SCHEMA.names} for event in events]
    return pa.Table.from_pylist(rows, schema=LABEL_SCHEMA)
