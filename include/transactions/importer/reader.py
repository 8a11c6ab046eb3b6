"""A historical file as chunks of text columns; rows that cannot even be read are reported by number."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from include.transactions.errors import MappingError, SourceUnreadable
from include.transactions.importer.mapping import Mapping

REASON_ROW = "row: expected {} values as in the first line, found {}"
REASON_LINE = "row: expected one JSON object in the line"

_LONGEST_ROW = 1 << 20  # a CSV row that does not fit a block ends the import
_BYTES_PER_ROW = 128

_ENDINGS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".parquet": "parquet"}


@dataclass(frozen=True, slots=True)
class TextChunk:
    """Rows of a file as text.

    Attributes
    ----------
    columns
        The mapping's columns, all of type string, equal lengths.
    rows
        Row numbers in the file, from 1, the header not counted; shape (n,).
    unreadable
        (row number, reason) of rows that are not in ``columns``.
    """

    columns: pa.Table
    rows: npt.NDArray[np.int64]
    unreadable: tuple[tuple[int, str], ...] = ()


def read_chunks(path: Path, mapping: Mapping, chunk_rows: int) -> Iterator[TextChunk]:
    """Read a file from front to back; memory is bounded by the chunk, not by the file.

    Raises
    ------
    SourceUnreadable
        The file is missing or, as a whole, not what its format says.
    MappingError
        The file lacks columns the mapping names, or its format cannot be told.
    """
    form = mapping.format or _ENDINGS.get(path.suffix.lower())
    if form is None:
        raise MappingError(
            f"expected a file ending in {', '.join(_ENDINGS)}, found {path.name}; set `format` in the mapping"
        )
    if not path.is_file():
        raise SourceUnreadable(f"expected a file at {path}, found none; check the path")
    readers: dict[str, Callable[[Path, Mapping, int], Iterator[TextChunk]]] = {
        "csv": _csv,
        "jsonl": _json_lines,
        "parquet": _parquet,
    }
    try:
        yield from readers[form](path, mapping, chunk_rows)
    except (
        pa.ArrowException,
        UnicodeError,
        OSError,
    ) as error:  # Arrow tells of a broken Parquet page as OSError
        raise SourceUnreadable(
            f"expected {path} to be readable as {form}, got: {error}; check the file, its format and encoding"
        ) from error


def _check_columns(path: Path, mapping: Mapping, found: list[str]) -> None:
    missing = [column for column in mapping.columns() if column not in found]
    if missing:
        raise MappingError(
            f"expected columns {missing} in {path}, found {found}; correct the column names in the mapping"
        )


def _parquet(path: Path, mapping: Mapping, chunk_rows: int) -> Iterator[TextChunk]:
    with pq.ParquetFile(path) as file:
        _check_columns(path, mapping, file.schema_arrow.names)
        first = 1
        for batch in file.iter_batches(batch_size=chunk_rows, columns=mapping.columns()):
            texts = [column.cast(pa.string()) for column in batch.columns]
            columns = pa.table(texts, names=batch.schema.names)
            columns.validate(full=True)  # a column of texts may hold bytes that are none
            yield TextChunk(columns, np.arange(first, first + batch.num_rows))
            first += batch.num_rows


def _csv(path: Path, mapping: Mapping, chunk_rows: int) -> Iterator[TextChunk]:
    bad: list[tuple[int, str]] = []
    header = 0 if mapping.csv.column_names else 1

    def skip(row: pcsv.InvalidRow) -> str:
        bad.append((row.number - header, REASON_ROW.format(row.expected_columns, row.actual_columns)))
        return "skip"

    needed = mapping.columns()
    reader = pcsv.open_csv(
        path,
        # One thread: only then does Arrow know the numbers of rows that do not fit.
        read_options=pcsv.ReadOptions(
            use_threads=False,
            block_size=max(_LONGEST_ROW, chunk_rows * _BYTES_PER_ROW),
            encoding=mapping.csv.encoding,
            column_names=mapping.csv.column_names,
        ),
        parse_options=pcsv.ParseOptions(
            delimiter=mapping.csv.delimiter, newlines_in_values=True, invalid_row_handler=skip
        ),
        convert_options=pcsv.ConvertOptions(
            column_types={column: pa.string() for column in needed},
            include_columns=needed,
            include_missing_columns=True,
            strings_can_be_null=True,
            null_values=[""],
        ),
    )
    _check_columns(path, mapping, mapping.csv.column_names or _csv_header(path, mapping))
    first = 1
    for batch in reader:
        skipped, bad[:] = tuple(bad), []
        numbers = np.arange(first, first + batch.num_rows + len(skipped))
        yield TextChunk(
            pa.Table.from_batches([batch]), np.setdiff1d(numbers, [row for row, _ in skipped]), skipped
        )
        first += len(numbers)


def _csv_header(path: Path, mapping: Mapping) -> list[str]:
    options = pcsv.ReadOptions(use_threads=False, encoding=mapping.csv.encoding)
    parse = pcsv.ParseOptions(
        delimiter=mapping.csv.delimiter, newlines_in_values=True, invalid_row_handler=lambda _: "skip"
    )
    with pcsv.open_csv(path, read_options=options, parse_options=parse) as reader:
        return list(reader.schema.names)


def _json_lines(path: Path, mapping: Mapping, chunk_rows: int) -> Iterator[TextChunk]:
    needed = mapping.columns()
    texts: dict[str, list[str | None]] = {column: [] for column in needed}
    rows: list[int] = []
    bad: list[tuple[int, str]] = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            document = _object(line)
            if document is None:
                bad.append((number, REASON_LINE))
            else:
                rows.append(number)
                for column in needed:
                    texts[column].append(_text(document.get(column)))
            if len(rows) + len(bad) >= chunk_rows:
                yield TextChunk(_text_table(texts), np.array(rows, np.int64), tuple(bad))
                texts, rows, bad = {column: [] for column in needed}, [], []
    if rows or bad:
        yield TextChunk(_text_table(texts), np.array(rows, np.int64), tuple(bad))


def _object(line: bytes) -> dict[str, object] | None:
    try:
        # Numbers as they are written: the amount 0.1 must not become a binary float.
        document = json.loads(line, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return None if value is None else value.encode("utf-8", "replace").decode()
    return json.dumps(value)


def _text_table(texts: dict[str, list[str | None]]) -> pa.Table:
    return pa.table({name: pa.array(values, pa.string()) for name, values in texts.items()})
