"""A batch of transactions as NumPy columns: the border between Arrow and the arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from include.features.errors import FeatureInputError
from include.features.geography import country_code
from include.transactions.schema import AMOUNT, CHANNELS, TIME, TRANSACTION_TYPES

#: Amounts are whole numbers of this many parts of a currency unit.
UNITS = 10_000

_HASH_KEY = "tidewatch-state1"  # 16 bytes; another key would make every stored state foreign

_NEEDED = (
    "transaction_id",
    "account_id",
    "counterparty_id",
    "amount",
    "transaction_type",
    "channel",
    "country",
    "occurred_at",
)


def stable_hash(values: pa.Array) -> npt.NDArray[np.uint64]:
    """64-bit SipHash of strings under a fixed key: the same on every machine and in every process."""
    return pd.util.hash_array(values.to_numpy(zero_copy_only=False), hash_key=_HASH_KEY, categorize=False)


@dataclass(frozen=True)
class KeyColumn:
    """A column of keys: the distinct ones, and for each row which of them it has."""

    keys: list[str]  # distinct, in order of first appearance
    row: npt.NDArray[np.int64]  # (rows,) index into keys
    hashes: npt.NDArray[np.uint64]  # (rows,)


@dataclass(frozen=True)
class Columns:
    """Columns that speak of transactions, row by row as they came."""

    table: pa.Table

    def _array(self, name: str) -> pa.Array:
        column = self.table.column(name).combine_chunks()
        return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column

    def _encoded(self, values: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int64]]:
        coded = pc.dictionary_encode(values)
        return coded.dictionary, coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)

    def _keys(self, name: str) -> KeyColumn:
        dictionary, row = self._encoded(self._array(name))
        return KeyColumn(dictionary.to_pylist(), row, stable_hash(dictionary)[row])

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def time(self) -> npt.NDArray[np.int64]:
        """Event time, microseconds since 1970 UTC."""
        return np.asarray(
            self._array("occurred_at").cast(TIME).cast(pa.int64()).to_numpy(zero_copy_only=False)
        )

    @cached_property
    def tie(self) -> npt.NDArray[np.uint64]:
        """What settles the order of equal times: the hash of the transaction's id."""
        return stable_hash(self._array("transaction_id"))

    @cached_property
    def counterparty(self) -> KeyColumn:
        """The counterparty of each row."""
        return self._keys("counterparty_id")


@dataclass(frozen=True)
class Transactions(Columns):
    """Columns of a batch."""

    @classmethod
    def of(cls, table: pa.Table) -> Transactions:
        """Check that the table has what features need.

        Raises
        ------
        FeatureInputError
            A column is missing or has nulls.
        """
        missing = [name for name in (*_NEEDED, "device_id") if name not in table.column_names]
        if missing:
            raise FeatureInputError(
                f"expected the columns of TRANSACTION_SCHEMA, got a table without {', '.join(missing)}; "
                "pass an accepted batch as the lake holds it"
            )
        nulls = [name for name in _NEEDED if table.column(name).null_count]
        if nulls:
            raise FeatureInputError(
                f"expected no nulls in {', '.join(_NEEDED)}, got some in {', '.join(nulls)}; "
                "only validated transactions have features: send the others to the dead-letter topic"
            )
        return cls(table)

    @cached_property
    def amount(self) -> npt.NDArray[np.int64]:
        """Exact amount in 1/10000.

        Raises
        ------
        FeatureInputError
            An amount has more than 14 digits before the point or four after it.
        """
        column = self._array("amount")
        try:
            column = column.cast(AMOUNT)
        except pa.ArrowInvalid as error:
            raise FeatureInputError(
                f"expected amounts that are {AMOUNT}, got {column.type} ({error}); validate the batch first"
            ) from error
        words = np.frombuffer(column.buffers()[1] or b"", dtype="<i8").reshape(-1, 2)
        return words[column.offset : column.offset + len(column), 0].copy()  # 18 digits fit the lower word

    @cached_property
    def account(self) -> KeyColumn:
        """The account of each row."""
        return self._keys("account_id")

    @cached_property
    def device(self) -> npt.NDArray[np.uint32]:
        """32 bits of the device's hash; 0 for no device."""
        column = self._array("device_id").cast(pa.string())
        dictionary, row = self._encoded(pc.fill_null(column, ""))
        hashes = np.maximum(stable_hash(dictionary) >> np.uint64(32), np.uint64(1)).astype(np.uint32)
        return np.where(column.is_valid().to_numpy(zero_copy_only=False), hashes[row], np.uint32(0))

    @cached_property
    def country(self) -> npt.NDArray[np.int16]:
        """Country code, see :func:`include.features.geography.country_code`."""
        dictionary, row = self._encoded(self._array("country"))
        return np.array([country_code(name) for name in dictionary.to_pylist()], dtype=np.int16)[row]

    @cached_property
    def type(self) -> npt.NDArray[np.int8]:
        """Index into ``TRANSACTION_TYPES``; -1 for another type."""
        return self._position("transaction_type", TRANSACTION_TYPES)

    @cached_property
    def channel(self) -> npt.NDArray[np.int8]:
        """Index into ``CHANNELS``; -1 for another channel."""
        return self._position("channel", CHANNELS)

    def _position(self, name: str, known: tuple[str, ...]) -> npt.NDArray[np.int8]:
        where = pc.index_in(self._array(name), value_set=pa.array(known))
        return np.asarray(pc.fill_null(where, -1).to_numpy(zero_copy_only=False)).astype(np.int8)
