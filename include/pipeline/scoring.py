"""Scores batches: features, rules, models, one decision a transaction."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import pyarrow as pa

from include.detection.bundle import ModelBundle
from include.detection.registry import ModelRegistry
from include.detection.scoring import score_batch
from include.features.engine import FeatureEngine
from include.governance.decisions import seal_batch
from include.rules.cache import RuleSetLoader
from include.rules.ruleset import RuleSet
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, batch_folder
from include.stores.ports import StateStore


@dataclass(frozen=True, slots=True)
class Versions:
    """With what, and when, a batch is scored; a replay uses what the first time used."""

    model: str | None
    scored_at: datetime


def score_table(
    accepted: pa.Table,
    batch: int,
    states: StateStore,
    model: ModelBundle | None,
    rules: RuleSet,
    scored_at: datetime,
    labels: pa.Table | None = None,
) -> pa.Table:
    """Score one batch and write the states it leaves behind: the one function of every engine.

    Idempotent: it reads states of earlier batches only and writes its own under the batch's number.
    ``labels`` are those that have become known since the batch before, ``JOINED_LABEL_SCHEMA``.
    """
    engine = FeatureEngine(states)
    result = engine.run(accepted, batch, labels)
    with ThreadPoolExecutor(1, "states") as writing:
        # The states wait for the store, the models for the processor.
        written = writing.submit(engine.commit, result, batch)
        scored = score_batch(accepted, result.features, model, rules, scored_at)
        written.result()
    return scored


class Scorer(Protocol):
    """Where a batch is scored: in this process, or in Spark's workers."""

    def __call__(self, batch: int, versions: Versions) -> pa.Table:
        """Scored table of an accepted batch."""
        ...


@dataclass(frozen=True, slots=True)
class LocalScorer:
    """Scores in this process: what a small batch wants, for it saves the trip to Spark."""

    lake: Lake
    states: StateStore
    registry: ModelRegistry
    rules: RuleSetLoader

    def __call__(self, batch: int, versions: Versions) -> pa.Table:
        """Scored table of an accepted batch."""
        accepted = self.lake.read_table(f"{batch_folder(Stage.ACCEPTED, batch)}/data.parquet")
        model = self.registry.load(versions.model) if versions.model else None
        return score_table(accepted, batch, self.states, model, self.rules.current(), versions.scored_at)


def score(
    batches: range,
    ledger: BatchLedger,
    lake: Lake,
    registry: ModelRegistry,
    scorer_for: Callable[[int], Scorer],
) -> list[int]:
    """Score batches in order.

    Parameters
    ----------
    batches
        What is due, or one batch to do again.
    scorer_for
        Which engine scores a batch of so many rows.

    Returns
    -------
    list of int
        The batches done.
    """
    done = []
    for batch in batches:
        accepted = ledger.manifest(Stage.ACCEPTED, batch) or {}
        before = ledger.manifest(Stage.SCORED, batch)
        versions = _versions(before, registry)
        scored = scorer_for(accepted["counts"]["accepted"])(batch, versions)
        lake.write_table(f"{batch_folder(Stage.SCORED, batch)}/data.parquet", scored)
        seal_batch(lake, batch, {"model": versions.model, "scored_at": versions.scored_at.isoformat()})
        ledger.complete(
            Stage.SCORED,
            batch,
            {"scored": scored.num_rows, "alerts": scored["decision"].to_pylist().count("ALERT")},
            facts={"model": versions.model, "scored_at": versions.scored_at.isoformat()},
        )
        done.append(batch)
    return done


def _versions(before: dict[str, str] | None, registry: ModelRegistry) -> Versions:
    if before:
        return Versions(before["model"], datetime.fromisoformat(before["scored_at"]))
    current = registry.current()
    return Versions(current.version if current else None, datetime.now(UTC))
