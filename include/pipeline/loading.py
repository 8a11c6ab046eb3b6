"""Loads scored batches into Cassandra: transactions, decisions, totals."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa

from include.governance.audit import AuditBroken, AuditRecord
from include.governance.decisions import seal_of
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, scored_file
from include.stores.lake.work import Work

#: Writes a scored table under its batch's number and says how many transactions it stored.
Load = Callable[[pa.Table, int], int]

#: Notes place and hash of an audit record in another store than the lake.
Witness = Callable[[AuditRecord], None]

log = logging.getLogger(__name__)


def load(
    batches: range, ledger: BatchLedger, lake: Lake, write: Load, witness: Witness | None = None
) -> list[int]:
    """Load batches in order; idempotent, for every row is keyed by its transaction or its batch.

    Parameters
    ----------
    witness
        Told the seal of each batch, before its rows: a second store has to be changed too, then, to write the
        chain of the decisions anew.
    """
    done = []
    for batch in batches:
        work = Work(datetime.now(UTC), ledger.arrived_at(batch))
        if witness is not None:
            _tell(lake, batch, witness)
        stored = write(lake.read_table(scored_file(batch)), batch)
        ledger.complete(Stage.STORED, batch, {"stored": stored}, work=work)
        done.append(batch)
    return done


def _tell(lake: Lake, batch: int, witness: Witness) -> None:
    try:
        seal = seal_of(lake, batch)
    except AuditBroken as error:
        # Not a reason to keep the decisions from whoever looks for them; verification tells the same.
        log.error("audit: the seal of batch %s cannot be witnessed: %s", batch, error)
        return
    if seal is not None:
        witness(seal)
