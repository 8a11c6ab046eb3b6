"""Import of a historical file: chunks of transactions and truth, and every row that did not fit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.transactions.contract import FIELDS, FieldKind
from include.transactions.importer import columns as convert
from include.transactions.importer.mapping import AmountSource, Mapping, TimeSource
from include.transactions.importer.pseudonyms import Pseudonyms
from include.transactions.importer.reader import TextChunk, read_chunks
from include.transactions.labels import TRUTH_SCHEMA
from include.transactions.schema import TIME, TRANSACTION_SCHEMA

Take = Callable[[convert.Converted], pa.Array]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was not imported; ``row`` counts from 1 without the header."""

    file: str
    row: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImportedChunk:
    """A part of a file.

    Attributes
    ----------
    transactions
        TRANSACTION_SCHEMA, in the file's order.
    labels
        TRUTH_SCHEMA, row by row; without rows if the mapping has no labels.
    refusals
        Rows of this part that did not fit; rows read = transactions + refusals.
    """

    transactions: pa.Table
    labels: pa.Table
    refusals: tuple[Refusal, ...]


def import_file(
    path: Path,
    mapping: Mapping,
    key: bytes | None,
    *,
    chunk_rows: int = 65_536,
    time_shift: timedelta = timedelta(0),
    pseudonyms: Pseudonyms | None = None,
) -> Iterator[ImportedChunk]:
    """Import a file piece by piece.

    Parameters
    ----------
    path
        CSV, JSON Lines or Parquet.
    mapping
        From ``load_mapping``.
    key
        Of the pseudonyms that replace accounts and customers; at least 16 bytes.
    chunk_rows
        Rows held in memory at a time, about.
    time_shift
        Added to every occurred_at: brings old history within the contract's retention.
    pseudonyms
        Makes the tokens, in the place of ``key``.

    Raises
    ------
    PseudonymKeyMissing, MappingError, SourceUnreadable
        Nothing can be imported. Single rows never raise, they are in ``refusals``.
    """
    pseudonyms = pseudonyms or Pseudonyms(key)
    for chunk in read_chunks(path, mapping, chunk_rows):
        yield _import_chunk(path, chunk, mapping, pseudonyms, time_shift)


def _import_chunk(
    path: Path, chunk: TextChunk, mapping: Mapping, pseudonyms: Pseudonyms, time_shift: timedelta
) -> ImportedChunk:
    n = chunk.columns.num_rows
    values: dict[str, pa.Array] = {}
    broken: dict[int, list[str]] = {}

    def take(converted: convert.Converted) -> pa.Array:
        for mask, reason in converted.refused:
            for position in np.flatnonzero(mask).tolist():
                broken.setdefault(position, []).append(reason)
        return converted.values

    sources = mapping.fields.by_name()
    for rule in FIELDS:
        source = sources.get(rule.name)
        if source is None:
            values[rule.name] = pa.nulls(n, pa.string())
            continue
        text = convert.source_text(source, chunk.columns)
        if isinstance(source, AmountSource):
            values[rule.name] = take(convert.convert_amount(rule, source, text))
        elif isinstance(source, TimeSource):
            times = take(convert.convert_time(rule, source, text))
            values[rule.name] = pc.add(times, pa.scalar(time_shift, pa.duration("us"))).cast(TIME)
        else:
            if rule.kind is FieldKind.ID:
                text = _pseudonymised(rule.name, text, mapping, pseudonyms)
            values[rule.name] = take(convert.convert_text(rule, text))
    values["extra"] = _extra(chunk.columns, mapping.extra)
    truth = _truth(chunk.columns, mapping, values, take)

    good = np.ones(n, bool)
    good[list(broken)] = False
    refusals = [Refusal(str(path), row, (reason,)) for row, reason in chunk.unreadable]
    refusals += [Refusal(str(path), int(chunk.rows[at]), tuple(reasons)) for at, reasons in broken.items()]
    return ImportedChunk(
        pa.table(values, schema=TRANSACTION_SCHEMA).filter(pa.array(good)),
        truth if truth.num_rows != n else truth.filter(pa.array(good)),
        tuple(sorted(refusals, key=lambda refusal: refusal.row)),
    )


def _pseudonymised(
    name: str, text: pa.StringArray, mapping: Mapping, pseudonyms: Pseudonyms
) -> pa.StringArray:
    if name == "account_id" or (name == "counterparty_id" and mapping.fields.counterparty_id.is_account):
        return pseudonyms.accounts(text)
    return pseudonyms.customers(text) if name == "customer_id" else text


def _extra(columns: pa.Table, names: list[str]) -> pa.StringArray:
    if not names:
        return pa.nulls(columns.num_rows, pa.string())
    documents = columns.select(sorted(names)).to_pylist()
    texts = [json.dumps(document, ensure_ascii=False, separators=(",", ":")) for document in documents]
    return pa.array(texts, pa.string())


def _truth(columns: pa.Table, mapping: Mapping, values: dict[str, pa.Array], take: Take) -> pa.Table:
    if mapping.labels is None:
        return TRUTH_SCHEMA.empty_table()
    is_fraud = take(convert.convert_fraud(mapping.labels.is_fraud, columns))
    typology = pa.array([""] * columns.num_rows, pa.string())
    if mapping.labels.typology is not None:
        told = pc.fill_null(convert.source_text(mapping.labels.typology, columns), "")
        typology = pc.if_else(is_fraud, told, typology)
    return pa.table([values["transaction_id"], values["account_id"], is_fraud, typology], schema=TRUTH_SCHEMA)
