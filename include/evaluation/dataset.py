"""Historical data as the evaluation takes it: transactions, the truth about them, and when it was known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.evaluation.errors import DatasetRefused, LeakFound
from include.features.labels import join_labels
from include.transactions.importer import import_file, load_mapping
from include.transactions.labels import LABEL_SCHEMA

#: Accounts are pseudonymised for the length of a run and written nowhere: the key needs no secrecy.
_KEY = b"evaluation, in memory only"

Days = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

DAY_US = 86_400_000_000


@dataclass(frozen=True)
class LabelledData:
    """Transactions and the truth about them, row by row.

    The truth is for measuring. What features and training may know comes from :meth:`labels` and
    :meth:`known_at`, both by the delay.
    """

    transactions: pa.Table  # TRANSACTION_SCHEMA
    truth: pa.Table  # TRUTH_SCHEMA
    delay: int  # microseconds from a transaction to its label

    @cached_property
    def time(self) -> Days:
        """Event times, microseconds since 1970 UTC."""
        return np.asarray(self.transactions["occurred_at"].cast(pa.int64()).to_numpy())

    @cached_property
    def day(self) -> Days:
        """Day of each transaction, counted from 1970-01-01 UTC."""
        return self.time // DAY_US

    @cached_property
    def fraud(self) -> Flags:
        """The truth."""
        return np.asarray(self.truth["is_fraud"].to_numpy())

    @cached_property
    def typology(self) -> npt.NDArray[np.object_]:
        """The kind of each fraud; "" for everything else."""
        return np.array(self.truth["typology"].to_pylist(), dtype=object)

    @cached_property
    def card(self) -> Days:
        """A number for each account."""
        coded = pc.dictionary_encode(self.transactions["account_id"].combine_chunks())
        return np.asarray(coded.indices.to_numpy().astype(np.int64))

    def labels(self) -> pa.Table:
        """Every fraud's label, ``JOINED_LABEL_SCHEMA``, known exactly ``delay`` after the transaction."""
        n = self.transactions.num_rows
        known = pc.add(self.transactions["occurred_at"], pa.scalar(self.delay, pa.duration("us")))
        columns = [self.truth[name] for name in ("transaction_id", "account_id", "is_fraud")]
        table = pa.table([*columns, pa.array(["CHARGEBACK"] * n), known], schema=LABEL_SCHEMA)
        return join_labels(table.filter(self.truth["is_fraud"]), self.transactions)

    def known_at(self, rows: npt.NDArray[np.intp], moment: int) -> Flags:
        """Labels of rows as they were known at a moment.

        Raises
        ------
        LeakFound
            One of them was not known by then: there is no other way to a label but this.
        """
        late = self.time[rows] + self.delay > moment
        if late.any():
            raise LeakFound(
                f"expected only labels known by {np.datetime64(moment, 'us')}, got {int(late.sum())} younger "
                f"ones; end training at least {self.delay / DAY_US:g} days before that moment"
            )
        return self.fraud[rows]


def load_dataset(path: Path, mapping: Path, delay_days: float) -> LabelledData:
    """Read a file by its mapping.

    Raises
    ------
    DatasetRefused
        The mapping names no labels, or no row could be read.
    TransactionsError
        See :func:`include.transactions.importer.import_file`.
    """
    chunks = list(import_file(path, load_mapping(mapping), _KEY))
    if not chunks or not sum(chunk.labels.num_rows for chunk in chunks):
        refused = sum(len(chunk.refusals) for chunk in chunks)
        raise DatasetRefused(
            f"expected labelled transactions in {path.name}, got none ({refused} rows refused); "
            "give a mapping with labels, see include/transactions/mappings/"
        )
    transactions = pa.concat_tables([chunk.transactions for chunk in chunks])
    truth = pa.concat_tables([chunk.labels for chunk in chunks])
    return LabelledData(transactions, truth, int(delay_days * DAY_US))
