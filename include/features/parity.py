"""Parity: what live scoring used, held against the same features computed again from the log.

The accepted batches are gone through in order, as live scoring did: a late event is seen by later
batches only, a label from the batch on that it came with. States start from what live scoring started
from, and are kept in memory: whatever the live store lost, cut or mixed up shows as a mismatch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.alerts.masking import mask_account
from include.features.catalogue import FEATURES, Unit
from include.features.engine import FeatureEngine
from include.features.windows import Bool
from include.stores.ports import StateStore

#: How far a value that is no count may be off, in parts of itself; absolutely below 1.
TOLERANCE = 1e-9
_EXACT = {Unit.COUNT, Unit.FLAG, Unit.HOUR}
_SHOWN = 20

#: Stands where a feature's name would, for a row that one side does not have.
ROW = "(row)"


@dataclass(frozen=True, slots=True)
class LoggedBatch:
    """A batch as the lake has it."""

    number: int
    accepted: pa.Table  # ACCEPTED_SCHEMA
    scored: pa.Table  # with transaction_id, account_id and the struct ``features``
    labels: pa.Table | None = None  # JOINED_LABEL_SCHEMA, those that came with the batch


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A value that is not what it should be."""

    batch: int
    feature: str
    account_id: str
    transaction_id: str
    used: float  # what live scoring used; NaN for none
    recomputed: float

    def __str__(self) -> str:
        """In one line, for a log or a terminal."""
        return (
            f"batch {self.batch}, account {mask_account(self.account_id)}, transaction {self.transaction_id}: expected "
            f"{self.feature} = {self.recomputed!r}, live scoring used {self.used!r}"
        )


@dataclass(slots=True)
class ParityReport:
    """What was compared, and what did not agree."""

    batches: int = 0
    rows: int = 0
    values: int = 0
    mismatched: int = 0
    mismatches: list[Mismatch] = field(default_factory=list)  # the first of them

    @property
    def clean(self) -> bool:
        """Whether everything agrees; never true of nothing."""
        return self.rows > 0 and self.mismatched == 0

    def add(self, found: Iterable[Mismatch]) -> None:
        """Count mismatches and keep the first."""
        for mismatch in found:
            self.mismatched += 1
            if len(self.mismatches) < _SHOWN:
                self.mismatches.append(mismatch)


def check_parity(batches: Iterable[LoggedBatch], states: StateStore) -> ParityReport:
    """Compute every batch's features again and compare them with those that were used.

    Parameters
    ----------
    batches
        All batches from the first on, in order.
    states
        Empty, or with the states live scoring started from, under a batch before the first; gets the
        states of every batch.
    """
    report, engine = ParityReport(), FeatureEngine(states)
    for batch in batches:
        result = engine.run(batch.accepted, batch.number, batch.labels)
        engine.commit(result, batch.number)
        report.batches += 1
        report.rows += batch.accepted.num_rows
        report.values += batch.accepted.num_rows * result.features.num_columns
        report.add(compare(batch, result.features))
    return report


def compare(batch: LoggedBatch, recomputed: pa.Table) -> Iterator[Mismatch]:
    """Mismatches between a scored batch and features computed again, row i for row i of ``accepted``.

    A feature the scored batch lacks counts as NaN in every row; so does one that is no longer computed.
    """
    ids, scored_ids = (table["transaction_id"].combine_chunks() for table in (batch.accepted, batch.scored))
    accounts, scored_accounts = (
        table["account_id"].combine_chunks() for table in (batch.accepted, batch.scored)
    )
    for one, other, account in ((ids, scored_ids, accounts), (scored_ids, ids, scored_accounts)):
        for row in np.flatnonzero(
            pc.is_null(pc.index_in(one, value_set=other)).to_numpy(zero_copy_only=False)
        ):
            yield Mismatch(
                batch.number, ROW, account[row].as_py(), one[row].as_py(), float("nan"), float("nan")
            )
    where = pc.index_in(ids, value_set=scored_ids)
    rows = np.flatnonzero(pc.is_valid(where).to_numpy(zero_copy_only=False))
    used = batch.scored["features"].combine_chunks().take(where.drop_null())
    stored = {used.type.field(i).name: used.field(i) for i in range(used.type.num_fields)}
    for name in dict.fromkeys([*recomputed.column_names, *stored]):
        was = _floats(stored.get(name), len(rows))
        now = _floats(recomputed[name] if name in recomputed.column_names else None, len(ids))[rows]
        for at in np.flatnonzero(~_agree(name, was, now)):
            row = rows[at]
            yield Mismatch(
                batch.number, name, accounts[row].as_py(), ids[row].as_py(), float(was[at]), float(now[at])
            )


def _floats(values: pa.Array | pa.ChunkedArray | None, n: int) -> npt.NDArray[np.float64]:
    if values is None:
        return np.full(n, np.nan)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    return np.asarray(pc.fill_null(values, float("nan")).to_numpy(zero_copy_only=False), dtype=np.float64)


def _agree(name: str, was: npt.NDArray[np.float64], now: npt.NDArray[np.float64]) -> Bool:
    equal = (was == now) | (np.isnan(was) & np.isnan(now))
    if name in FEATURES and FEATURES[name].unit in _EXACT:
        return np.asarray(equal)
    with np.errstate(invalid="ignore"):
        near = np.abs(was - now) <= TOLERANCE * np.maximum(1.0, np.abs(now))
    return np.asarray(equal | near)
