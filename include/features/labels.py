"""Fraud labels as features take them: joined with the transaction they speak of.

A label says something about a transaction from the moment it was known (``labelled_at``) on, until a
newer label about the same transaction replaces it. Counterparties' states keep labels beside events,
so a label reaches every later batch, and those rows of its own batch that lie at or after its moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.features.errors import FeatureInputError
from include.features.packing import COUNTERPARTY, Records
from include.features.transactions import Columns
from include.features.windows import Int
from include.transactions.labels import LABEL_SCHEMA
from include.transactions.schema import TIME, TRANSACTION_SCHEMA

#: What a label takes over from its transaction.
_JOINED = ("counterparty_id", "occurred_at")
_NEEDED = ("transaction_id", "counterparty_id", "occurred_at", "is_fraud", "labelled_at")

#: A label, and what features need to know of its transaction.
JOINED_LABEL_SCHEMA = pa.schema([*LABEL_SCHEMA, *(TRANSACTION_SCHEMA.field(name) for name in _JOINED)])


def join_labels(labels: pa.Table, transactions: pa.Table) -> pa.Table:
    """Labels with counterparty and time of the transactions they speak of.

    Parameters
    ----------
    labels
        ``LABEL_SCHEMA``.
    transactions
        ``TRANSACTION_SCHEMA``, each transaction once.

    Returns
    -------
    pyarrow.Table
        ``JOINED_LABEL_SCHEMA``; labels of other transactions are left out, so compare the numbers of rows.
    """
    found = pc.index_in(
        labels["transaction_id"].combine_chunks(), value_set=transactions["transaction_id"].combine_chunks()
    )
    known, found = labels.filter(pc.is_valid(found)), found.drop_null()
    columns = [known[name] for name in LABEL_SCHEMA.names]
    columns += [transactions[name].take(found) for name in _JOINED]
    return pa.table(columns, schema=JOINED_LABEL_SCHEMA)


@dataclass(frozen=True)
class Labels(Columns):
    """Columns of labels."""

    @classmethod
    def of(cls, table: pa.Table | None) -> Labels:
        """Check that the table has what features need; None stands for no labels.

        Raises
        ------
        FeatureInputError
            A column is missing or has nulls.
        """
        if table is None:
            return cls(JOINED_LABEL_SCHEMA.empty_table())
        missing = [name for name in _NEEDED if name not in table.column_names]
        wrong = missing or [name for name in _NEEDED if table.column(name).null_count]
        if wrong:
            raise FeatureInputError(
                f"expected the columns of JOINED_LABEL_SCHEMA without nulls, got a table in which "
                f"{', '.join(wrong)} {'is missing' if missing else 'has some'}; "
                "join the labels with their transactions: include.features.labels.join_labels"
            )
        return cls(table)

    @cached_property
    def known(self) -> Int:
        """When each became known, microseconds since 1970 UTC."""
        return np.asarray(
            self._array("labelled_at").cast(TIME).cast(pa.int64()).to_numpy(zero_copy_only=False)
        )

    @cached_property
    def records(self) -> Records:
        """Row by row as a counterparty's state holds them."""
        made = np.zeros(len(self), dtype=COUNTERPARTY.label)
        made["time"], made["tie"], made["known"] = self.time, self.tie, self.known
        made["fraud"] = self._array("is_fraud").to_numpy(zero_copy_only=False)
        return made
