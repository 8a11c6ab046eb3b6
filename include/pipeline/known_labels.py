"""What is known of labels: which transactions they can speak of, and which verdicts have come since when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from include.pipeline.bank import BANKS
from include.pipeline.labelling import JOINED, NO_BATCH, VERDICT_SCHEMA, FindTransactions
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, batch_folder
from include.stores.lake.names import LABELS
from include.transactions.labels import LabelledTransaction

#: Features and labels of a bank's history, in the bank's folder; ``is_fraud`` is null where nobody knows yet.
HISTORY = "history.parquet"
_MANY = 100


@dataclass(frozen=True, slots=True)
class HistoricTransaction:
    """A transaction of a bank's history."""

    counterparty_id: str
    occurred_at: datetime
    batch_id: int = NO_BATCH


def labels_until(lake: Lake) -> int:
    """Number of the first batch of labels that has not been collected yet."""
    return BatchLedger(lake).cursor(LABELS).next_batch


def verdicts(lake: Lake, start: int, stop: int) -> pa.Table:
    """Verdicts of label batches ``start`` to ``stop - 1``, ``VERDICT_SCHEMA``; a later row replaces an earlier."""
    return pa.concat_tables(
        [VERDICT_SCHEMA.empty_table(), *map(lake.read_table, label_files(lake, start, stop, JOINED))]
    )


def newest_verdicts(told: pa.Table) -> dict[str, bool]:
    """Whether each transaction is known to be fraud, by the newest of some verdicts on it."""
    return dict(zip(told["transaction_id"].to_pylist(), told["is_fraud"].to_pylist(), strict=True))


def label_files(lake: Lake, start: int, stop: int, name: str) -> list[str]:
    """Paths of a file of label batches ``start`` to ``stop - 1``; retention may have taken old ones."""
    folders = [batch_folder(LABELS, batch) for batch in range(start, stop)]
    if len(folders) > _MANY:
        # One listing: asking for each of those that are gone would take long.
        there = set(lake.names(LABELS))
        folders = [folder for folder in folders if folder.rsplit("/", 1)[1] in there]
    return [path for folder in folders if lake.exists(path := f"{folder}/{name}")]


def histories(lake: Lake) -> list[str]:
    """Paths of the banks' histories."""
    paths = (f"{BANKS}/{bank}/{HISTORY}" for bank in lake.names(BANKS))
    return [path for path in paths if lake.exists(path)]


def transactions_known(
    lake: Lake, stored: Callable[[list[str]], Mapping[str, LabelledTransaction]]
) -> FindTransactions:
    """Look transactions up in the store, and those that are not there in the histories of the banks.

    Parameters
    ----------
    stored
        What the store knows of ids.
    """

    def find(transaction_ids: list[str]) -> Mapping[str, LabelledTransaction]:
        found: dict[str, LabelledTransaction] = dict(stored(transaction_ids))
        missing = [name for name in transaction_ids if name not in found]
        for path in histories(lake) if missing else []:
            table = lake.read_table(path, ["transaction_id", "counterparty_id", "occurred_at"])
            rows = table.filter(pc.is_in(table["transaction_id"], value_set=pa.array(missing, pa.string())))
            for row in rows.to_pylist():
                found[row["transaction_id"]] = HistoricTransaction(row["counterparty_id"], row["occurred_at"])
        return found

    return find
