"""What was known of transactions at some time: the label that counts of each, from the lake's label batches."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.pipeline.backtest import KnownLabels
from include.pipeline.known_labels import label_files, labels_until
from include.pipeline.labelling import DATA
from include.stores.lake.files import Lake
from include.transactions.labels import ARRIVED_LABEL_SCHEMA, AUTHORITY

_COLUMNS = ("transaction_id", "is_fraud", "source", "labelled_at", "arrived_at")


def labels_known(lake: Lake, as_of: datetime) -> KnownLabels:
    """The verdicts that labels which had arrived by ``as_of`` (aware) add up to.

    The order of ``include.transactions.labels.verdict``: by the authority of the source, then the newest, then
    the one that calls it fraud.
    """
    paths = label_files(lake, 0, labels_until(lake), DATA)
    schema = pa.schema([ARRIVED_LABEL_SCHEMA.field(name) for name in _COLUMNS])
    parts = [lake.read_table(path, _COLUMNS).select(_COLUMNS) for path in paths]
    table = pa.concat_tables([schema.empty_table(), *parts])
    table = table.filter(
        pc.less_equal(table["arrived_at"], pa.scalar(as_of, schema.field("arrived_at").type))
    )
    ids = table["transaction_id"].to_numpy()
    authority = pc.index_in(table["source"], value_set=pa.array(AUTHORITY)).to_numpy()
    fraud = table["is_fraud"].to_numpy(zero_copy_only=False).astype(bool)
    labelled = table["labelled_at"].cast(pa.int64()).to_numpy()
    order = np.lexsort((~fraud, -labelled, authority))
    _, first = np.unique(ids[order].astype(str), return_index=True)
    chosen = order[first]
    return KnownLabels(pa.array(ids[chosen], pa.string()), fraud[chosen])


def as_table(labels: KnownLabels) -> pa.Table:
    """Labels as a table, for a worker to read."""
    return pa.table({"transaction_id": labels.transaction_ids, "is_fraud": labels.is_fraud})


def from_table(table: pa.Table) -> KnownLabels:
    """What ``as_table`` made."""
    ids = table["transaction_id"].combine_chunks()
    return KnownLabels(ids, table["is_fraud"].to_numpy(zero_copy_only=False).astype(bool))
