"""What a challenger learns from: scored batches with the features live scoring used, and what is known of them.

Labels are taken as they are known now. A transaction nobody has spoken of counts as honest once it is older
than labels usually take; a younger one is left out, unless somebody has spoken of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.detection.scored import features_of
from include.features.catalogue import FEATURE_NAMES
from include.governance.shares import in_share
from include.pipeline.batch_log import batch_numbers
from include.pipeline.known_labels import histories, labels_until, newest_verdicts, verdicts
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, scored_file

_COLUMNS = ("transaction_id", "account_id", "occurred_at", "amount", "is_fraud")


@dataclass(frozen=True)
class TrainingSet:
    """n labelled rows, in the order of time."""

    table: pa.Table  # FEATURE_NAMES, transaction_id, account_id, occurred_at, amount
    fraud: npt.NDArray[np.bool_]

    @property
    def features(self) -> pa.Table:
        """Float64 columns FEATURE_NAMES."""
        return self.table.select(list(FEATURE_NAMES))

    @property
    def occurred_at(self) -> npt.NDArray[np.datetime64]:
        """UTC."""
        return np.asarray(self.table["occurred_at"].cast(pa.timestamp("us")).to_numpy())

    @property
    def amounts(self) -> npt.NDArray[np.float64]:
        """In the transaction's currency."""
        return np.asarray(self.table["amount"].cast(pa.float64()).to_numpy())

    def between(self, start: datetime, stop: datetime) -> TrainingSet:
        """Those with start <= occurred_at < stop."""
        at = self.table["occurred_at"]
        rows = pc.and_(pc.greater_equal(at, start), pc.less(at, stop))
        return TrainingSet(self.table.filter(rows), self.fraud[rows.to_numpy()])


def newest(lake: Lake) -> datetime | None:
    """Time of the newest scored transaction: the stream's own clock; None if nothing has been scored."""
    last = BatchLedger(lake).cursor(Stage.SCORED).next_batch - 1
    if last < 0:
        return None
    table = lake.read_table(scored_file(last), ["occurred_at"])
    moment: datetime | None = pc.max(table["occurred_at"]).as_py()
    return moment


def labelled(lake: Lake, as_of: datetime, days: float, delay_days: float, max_rows: int) -> TrainingSet:
    """Labelled rows of the last ``days`` before ``as_of``, from scored batches and the banks' histories.

    Batches are read one by one, and a part of each is kept, so memory follows ``max_rows``.

    Parameters
    ----------
    as_of
        Aware; see ``newest``.
    delay_days
        After this a transaction nobody has spoken of counts as honest.
    max_rows
        About so many rows at most: of more, a share of the accounts is taken, with all of their
        transactions. The share of frauds, and so the alert budget, stays what it is.
    """
    start, honest = as_of - timedelta(days=days), as_of - timedelta(days=delay_days)
    told = _by_transaction(verdicts(lake, 0, labels_until(lake)))
    share = min(1.0, max_rows / max(1, _rows(lake)))
    parts = []
    for part in _parts(lake):
        wanted = pc.greater_equal(part["occurred_at"], start)
        if share < 1:
            wanted = pc.and_(wanted, pa.array(in_share(part["account_id"], share, salt="training")))
        if (part := part.filter(wanted)).num_rows:
            parts.append(_known(part, told, honest))
    if not parts:
        empty = pa.table({name: pa.array([], pa.float64()) for name in FEATURE_NAMES})
        return TrainingSet(empty, np.zeros(0, dtype=bool))
    table = pa.concat_tables(parts).sort_by([("occurred_at", "ascending"), ("transaction_id", "ascending")])
    return TrainingSet(table.drop_columns("is_fraud"), np.asarray(table["is_fraud"].to_numpy()))


def _rows(lake: Lake) -> int:
    """How many there are, by what was counted when they were written; some are older than is asked for."""
    past: int = sum(lake.read_table(path, ["is_fraud"]).num_rows for path in histories(lake))
    live: int = BatchLedger(lake).cursor(Stage.SCORED).totals.get("scored", 0)
    return past + live


def _parts(lake: Lake) -> Iterator[pa.Table]:
    wanted = [*FEATURE_NAMES, *_COLUMNS]
    for path in histories(lake):
        yield lake.read_table(path, wanted).select(wanted)
    for batch in batch_numbers(lake, str(Stage.SCORED)):
        if lake.exists(scored_file(batch)):
            scored = lake.read_table(scored_file(batch), [*_COLUMNS[:-1], "features"])
            columns = [*features_of(scored).select(list(FEATURE_NAMES)).columns]
            columns += [scored[name] for name in _COLUMNS[:-1]]
            yield pa.table([*columns, pa.nulls(scored.num_rows, pa.bool_())], names=wanted)


def _by_transaction(told: pa.Table) -> pa.Table:
    """The newest verdict on each transaction."""
    rows = newest_verdicts(told)
    return pa.table(
        {"transaction_id": pa.array(rows, pa.string()), "told": pa.array(rows.values(), pa.bool_())}
    )


def _known(part: pa.Table, told: pa.Table, honest: datetime) -> pa.Table:
    """Rows of which something is known, with ``is_fraud`` filled in."""
    at = pc.index_in(
        part["transaction_id"].combine_chunks(), value_set=told["transaction_id"].combine_chunks()
    )
    verdict = told["told"].combine_chunks().take(at)
    old = pc.less(part["occurred_at"], honest)
    silent = pc.if_else(old.combine_chunks(), pa.scalar(False), pa.scalar(None, pa.bool_()))
    known = pc.coalesce(verdict, part["is_fraud"].combine_chunks(), silent)
    part = part.set_column(part.column_names.index("is_fraud"), "is_fraud", known)
    return part.filter(pc.is_valid(known))
