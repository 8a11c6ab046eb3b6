"""The ledger: which stage has finished which batch, with what counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from cassandra.cluster import Session

from include.stores.cassandra.statements import execute, insert_into, prepare

BATCHES_A_SLICE = 10_000

_ONE = "SELECT counts FROM batch_ledger WHERE stage = ? AND slice = ? AND batch_id = ?"
_SOME = (
    "SELECT batch_id, counts FROM batch_ledger "
    "WHERE stage = ? AND slice = ? AND batch_id >= ? AND batch_id <= ?"
)


def record_batch(session: Session, stage: str, batch: int, counts: Mapping[str, int]) -> None:
    """Note that a stage has finished a batch; to be written after everything else of the batch.

    Idempotent: (stage, batch) is the primary key, and the same work gives the same counts.
    """
    columns = ("stage", "slice", "batch_id", "counts", "finished_at")
    statement = insert_into(session, "batch_ledger", columns)
    values = (stage, batch // BATCHES_A_SLICE, batch, dict(counts), datetime.now(UTC))
    execute(session, statement, values, f"recording batch {batch} of {stage}")


def recorded_batch(session: Session, stage: str, batch: int) -> dict[str, int] | None:
    """Counts of a finished batch, or None if the stage has not finished it."""
    key = (stage, batch // BATCHES_A_SLICE, batch)
    rows = execute(session, prepare(session, _ONE), key, f"reading batch {batch} of {stage}")
    return dict(rows[0][0] or {}) if rows else None


def recorded_batches(session: Session, stage: str, first: int, last: int) -> dict[int, dict[str, int]]:
    """Counts by batch for the finished ones of ``first``..``last``, both included, in order."""
    found: dict[int, dict[str, int]] = {}
    for piece in range(first // BATCHES_A_SLICE, last // BATCHES_A_SLICE + 1):
        rows = execute(session, prepare(session, _SOME), (stage, piece, first, last), f"reading {stage}")
        found |= {batch: dict(counts or {}) for batch, counts in rows}
    return dict(sorted(found.items()))
