"""Loads scored batches into Cassandra: transactions, decisions, totals."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, batch_folder

#: Writes a scored table under its batch's number and says how many transactions it stored.
Load = Callable[[pa.Table, int], int]


def load(batches: range, ledger: BatchLedger, lake: Lake, write: Load) -> list[int]:
    """Load batches in order; idempotent, for every row is keyed by its transaction or its batch."""
    done = []
    for batch in batches:
        stored = write(lake.read_table(f"{batch_folder(Stage.SCORED, batch)}/data.parquet"), batch)
        ledger.complete(Stage.STORED, batch, {"stored": stored})
        done.append(batch)
    return done
