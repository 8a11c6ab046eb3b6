"""Settles a batch of arrivals: what is accepted, what is a duplicate, what goes to the dead letters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.stores.ports import SeenStore
from include.transactions.schema import ACCEPTED_SCHEMA


@dataclass(frozen=True, slots=True)
class Settled:
    """The three ways a record can go; together they are every record read.

    Attributes
    ----------
    accepted
        ``ACCEPTED_SCHEMA``, in order of (partition, offset).
    duplicates
        Second and later arrivals of a transaction id.
    dead
        ``ARRIVAL_SCHEMA`` rows with at least one reason.
    """

    accepted: pa.Table
    duplicates: int
    dead: pa.Table

    @property
    def counts(self) -> dict[str, int]:
        """Counts that add up: read = accepted + duplicates + dead_lettered."""
        accepted, dead = self.accepted.num_rows, self.dead.num_rows
        return {
            "read": accepted + self.duplicates + dead,
            "accepted": accepted,
            "duplicates": self.duplicates,
            "dead_lettered": dead,
        }


def _first_of_each(values: np.ndarray) -> np.ndarray:
    """Mask of the first appearance of each value, in row order."""
    mask = np.zeros(len(values), dtype=bool)
    mask[np.unique(values, return_index=True)[1]] = True
    return mask


def places(rows: pa.Table) -> np.ndarray:
    """Where records stand in their topic (``kafka_partition``, ``kafka_offset``), as one number each."""
    partition, offset = (
        rows[name].to_numpy().astype(np.int64) for name in ("kafka_partition", "kafka_offset")
    )
    numbers: np.ndarray = (partition << 44) + offset
    return numbers


def settle(arrivals: pa.Table, seen: SeenStore, batch: int) -> Settled:
    """Judge the arrivals of a batch.

    The same arrivals give the same outcome however often and in whatever row order: they are put in
    order of (partition, offset), a record read twice counts once, and ``seen`` knows only what
    *earlier* batches accepted.

    Parameters
    ----------
    arrivals
        ``ARRIVAL_SCHEMA`` rows of the batch, judged.
    seen
        Memory of accepted transaction ids.
    batch
        The batch's number.

    Raises
    ------
    ValueError
        A row has not been judged: it would be neither accepted nor refused.
    """
    if arrivals["errors"].null_count:
        raise ValueError(
            f"expected every arrival of batch {batch} to be judged, got {arrivals['errors'].null_count} without a "
            "verdict; pass them through judge first"
        )
    arrivals = arrivals.sort_by([("kafka_partition", "ascending"), ("kafka_offset", "ascending")])
    arrivals = arrivals.filter(pa.array(_first_of_each(places(arrivals))))
    valid = pc.equal(pc.list_value_length(arrivals["errors"]), 0)
    dead = arrivals.filter(pc.invert(valid))
    candidates = arrivals.filter(valid).select(ACCEPTED_SCHEMA.names)
    ids = np.asarray(candidates["transaction_id"].to_pylist(), dtype=object)
    fresh = _first_of_each(ids.astype(str)) if len(ids) else np.zeros(0, dtype=bool)
    before = seen.seen_before([str(value) for value in ids[fresh]], batch) if len(ids) else set()
    if before:
        fresh &= ~np.isin(ids.astype(str), sorted(before))
    accepted = candidates.filter(pa.array(fresh)).cast(ACCEPTED_SCHEMA)
    return Settled(accepted, candidates.num_rows - accepted.num_rows, dead)
