"""Arrow columns to the bytes of Cassandra's protocol, a column at a time.

The driver encodes value by value, at about a microsecond each; a batch of 10,000 transactions has
half a million values. Formats: native protocol v5, section 6.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from cassandra.query import UNSET_VALUE, PreparedStatement

from include.stores.cassandra.batches import Row

Encoded = Sequence[bytes | None]


def encode(column: pa.ChunkedArray | pa.Array) -> Encoded:
    """Bytes of each value; None for null.

    Parameters
    ----------
    column
        string → text, float64 → double, int64/int32/int16/int8 → bigint/int/smallint/tinyint,
        timestamp[us] → timestamp (whole milliseconds, rounded down), decimal128 → decimal,
        list<string> → list<text>, map<string, float64> → map<text, double> (NaN stays NaN).

    Raises
    ------
    TypeError
        For any other type.
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return array.cast(pa.large_binary()).to_pylist()  # type: ignore[no-any-return]
    if pa.types.is_decimal128(kind):
        return _decimals(array)
    if pa.types.is_list(kind):
        return [None if value is None else _texts(value) for value in array.to_pylist()]
    if pa.types.is_map(kind):
        return [None if value is None else numbers(value) for value in array.to_pylist()]
    return _fixed(array)


def constant(value: bytes, length: int) -> Encoded:
    """A column of one value."""
    return [value] * length


def bigint(value: int) -> bytes:
    """One bigint."""
    return value.to_bytes(8, "big", signed=True)


def rows_of(statement: PreparedStatement, columns: Mapping[str, Sequence[Any]]) -> list[Row]:
    """Rows in the order of the statement's bind markers.

    Raises
    ------
    KeyError
        When a marker has no column.
    """
    return list(zip(*(columns[marker.name] for marker in statement.column_metadata), strict=True))


def sparse(column: Encoded) -> Sequence[Any]:
    """Nulls left unset instead of written, for values that never change: a null is a tombstone."""
    return [UNSET_VALUE if value is None else value for value in column]


def microseconds_below(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """What a timestamp cannot hold: microseconds 0–999, int16, see ``clock``."""
    micros = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy(zero_copy_only=False)
    nulls = column.is_null().to_numpy(zero_copy_only=False)
    whole = np.where(nulls, 0, micros).astype(np.int64)
    return pa.chunked_array([pa.array((whole % 1000).astype(np.int16), mask=nulls)])


def _fixed(array: pa.Array) -> Encoded:
    kind = array.type
    nulls = array.is_null().to_numpy(zero_copy_only=False)
    if pa.types.is_timestamp(kind):
        micros = array.cast(pa.timestamp("us", tz=kind.tz)).cast(pa.int64())
        values = pc.fill_null(micros, 0).to_numpy(zero_copy_only=False) // 1000
        wire = ">i8"
    elif pa.types.is_float64(kind):
        values, wire = pc.fill_null(array, 0.0).to_numpy(zero_copy_only=False), ">f8"
    elif pa.types.is_signed_integer(kind):
        values, wire = pc.fill_null(array, 0).to_numpy(zero_copy_only=False), f">i{kind.bit_width // 8}"
    else:
        raise TypeError(f"expected a type this encoder knows; came {kind}: cast the column before loading it")
    raw = values.astype(wire).tobytes()
    width = np.dtype(wire).itemsize
    encoded: list[bytes | None] = [raw[start : start + width] for start in range(0, len(raw), width)]
    for position in np.flatnonzero(nulls):
        encoded[position] = None
    return encoded


def _decimals(array: pa.Array) -> Encoded:
    """Scale as int32, then the unscaled value in the fewest bytes of two's complement."""
    scale = struct.pack(">i", array.type.scale)
    raw = array.buffers()[1].to_pybytes()
    start = array.offset * 16
    unscaled = [
        int.from_bytes(raw[place : place + 16], "little", signed=True)
        for place in range(start, start + 16 * len(array), 16)
    ]
    valid = array.is_valid().to_pylist()
    return [
        scale + value.to_bytes((value.bit_length() + 8) // 8, "big", signed=True) if there else None
        for value, there in zip(unscaled, valid, strict=True)
    ]


def _texts(values: Sequence[str]) -> bytes:
    parts = [struct.pack(">i", len(values))]
    for value in values:
        text = value.encode()
        parts += (struct.pack(">i", len(text)), text)
    return b"".join(parts)


def numbers(entries: Sequence[tuple[str, float]]) -> bytes:
    """One map<text, double>; NaN stays NaN."""
    # Cassandra keeps a frozen map's bytes as they come and expects its keys in order.
    parts = [struct.pack(">i", len(entries))]
    for name, value in sorted((name.encode(), value) for name, value in entries):
        parts.append(struct.pack(f">i{len(name)}sid", len(name), name, 8, value))
    return b"".join(parts)
