"""Segments: all rows, and those of one transaction type, channel or country."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

#: The segment that holds everything.
ALL = "all"
#: Columns whose values make a segment each.
SEGMENT_COLUMNS = ("transaction_type", "channel", "country")
#: A segment that holds more than this share of all rows says nothing of its own.
_AS_GOOD_AS_ALL = 0.99


def segment_name(column: str, value: str) -> str:
    """As references, summaries and alarms have it, e.g. ``channel=POS``."""
    return f"{column}={value}"


def names_of(values: Mapping[str, str]) -> tuple[str, ...]:
    """Segments a row of these values belongs to, ``all`` first."""
    return (ALL, *(segment_name(column, values[column]) for column in SEGMENT_COLUMNS if column in values))


def coded(column: pa.ChunkedArray) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Distinct values of a column of strings, and which of them each row has; null is the value "null"."""
    filled = column.combine_chunks().fill_null("null").dictionary_encode()
    return filled.dictionary.to_pylist(), np.asarray(filled.indices.to_numpy(zero_copy_only=False), np.int64)


def rows_by_segment(table: pa.Table) -> Iterator[tuple[str, npt.NDArray[np.intp]]]:
    """Every segment that occurs, with its rows."""
    yield ALL, np.arange(table.num_rows)
    for column in SEGMENT_COLUMNS:
        values, code = coded(table[column])
        for position, value in enumerate(values):
            yield segment_name(column, value), np.flatnonzero(code == position)


def worth_watching(sizes: Mapping[str, int], least: int) -> Sequence[str]:
    """Those with enough rows that are not as good as all of them; ``all`` always."""
    total = sizes.get(ALL, 0)
    chosen = [
        name for name, rows in sizes.items() if name != ALL and least <= rows <= total * _AS_GOOD_AS_ALL
    ]
    return (ALL, *sorted(chosen))
