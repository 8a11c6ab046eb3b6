"""Settles a batch of arrivals: what is accepted, what is a duplicate, what goes to the dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.stores.ports import SeenStore
from include.transactions.content import content_digests, says_the_same
from include.transactions.contract import REUSED_TRANSACTION_ID
from include.transactions.schema import ACCEPTED_SCHEMA


@dataclass(frozen=True, slots=True)
class Settled:
    """The three ways a record can go; together they are every record read.

    Attributes
    ----------
    accepted
        ``ACCEPTED_SCHEMA``, in order of (partition, offset).
    contents
        Digest of what each accepted transaction says, by its id.
    duplicates
        Second and later arrivals of a transaction.
    dead
        Arrivals with at least one reason, in order of (partition, offset).
    """

    accepted: pa.Table
    contents: Mapping[str, bytes]
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
    *earlier* batches accepted. Whoever comes second under an id is a duplicate if it says the same, else it is
    refused: dropped, it would be a payment that nobody monitors.

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
    arrivals = _in_order(arrivals)
    arrivals = arrivals.filter(pa.array(_first_of_each(places(arrivals))))
    valid = pc.equal(pc.list_value_length(arrivals["errors"]), 0)
    dead, sound = arrivals.filter(pc.invert(valid)), arrivals.filter(valid)
    ids: list[str] = sound["transaction_id"].to_pylist()
    digests = content_digests(sound)
    # Of the arrivals of one id the first is accepted, unless a batch before this one has accepted the id.
    first: dict[str, int] = {}
    for row, name in enumerate(ids):
        first.setdefault(name, row)
    before = seen.seen_before(list(first), batch) if first else {}
    said = {**{name: digests[row] for name, row in first.items()}, **before}
    fresh = np.array([first[name] == row and name not in before for row, name in enumerate(ids)], dtype=bool)
    reused = np.array(
        [not says_the_same(digest, said[name]) for name, digest in zip(ids, digests, strict=True)], dtype=bool
    )
    accepted = sound.filter(pa.array(fresh)).select(ACCEPTED_SCHEMA.names).cast(ACCEPTED_SCHEMA)
    return Settled(
        accepted,
        {name: digests[row] for name, row in first.items() if name not in before},
        len(ids) - int(fresh.sum()) - int(reused.sum()),
        _in_order(pa.concat_tables([dead, _refused(sound.filter(pa.array(reused)))])),
    )


def reused_ids(dead: pa.Table) -> pa.Table:
    """Those of ``Settled.dead`` that keep the contract: an earlier record used their id and said something else."""
    reasons = pc.list_value_length(dead["errors"])
    alone = dead.filter(pc.equal(reasons, 1))
    return alone.filter(pc.equal(pc.list_flatten(alone["errors"]), REUSED_TRANSACTION_ID))


def _in_order(arrivals: pa.Table) -> pa.Table:
    return arrivals.sort_by([("kafka_partition", "ascending"), ("kafka_offset", "ascending")])


def _refused(sound: pa.Table) -> pa.Table:
    """Sound arrivals whose id means another transaction."""
    place = sound.schema.get_field_index("errors")
    kind = sound.schema.field(place).type
    return sound.set_column(
        place, sound.schema.field(place), pa.array([[REUSED_TRANSACTION_ID]] * sound.num_rows, kind)
    )
