"""From Arrow columns to Kafka records: the JSON is put together column by column, not row by row."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from include.transactions.schema import TRANSACTION_SCHEMA

#: What JSON demands to be escaped in a string (RFC 8259, section 7).
_NEEDS_ESCAPE = r'["\\\x00-\x1f]'

_CHUNK_ROWS = 32_768  # bounds memory: about 10 MB of JSON at a time


def encode(table: pa.Table) -> Iterator[tuple[bytes, bytes]]:
    """Yield the Kafka record of each transaction, in the table's order.

    Parameters
    ----------
    table
        Columns of ``TRANSACTION_SCHEMA``, any length; further columns are ignored.

    Yields
    ------
    (key, value)
        The account_id, and the event as JSON. Amounts are decimal strings, so that no reader can
        make floats of them; times are UTC with six decimals; absent optional fields are left out;
        the members of ``extra`` follow the known fields.
    """
    table = table.select(TRANSACTION_SCHEMA.names).cast(TRANSACTION_SCHEMA)
    for batch in table.to_batches(max_chunksize=_CHUNK_ROWS):
        if batch.num_rows:
            keys = batch.column("account_id").cast(pa.binary()).to_pylist()
            yield from zip(keys, encode_values(batch).cast(pa.binary()).to_pylist(), strict=True)


def encode_values(batch: pa.RecordBatch) -> pa.StringArray:
    """JSON text of each row of a batch of ``TRANSACTION_SCHEMA``."""
    time_text = batch.column("occurred_at").cast(pa.string())  # 2026-01-31 12:00:00.000000Z
    parts: list[pa.Array | pa.Scalar] = [pa.scalar("{")]
    lead = ""
    for name in TRANSACTION_SCHEMA.names:
        column = batch.column(name)
        if name == "extra":
            parts.append(_members(column))
        elif name in ("device_id", "customer_id"):
            parts.append(_optional(f'"{name}":"', _escaped(column)))
        else:
            if name == "amount":
                text = pc.utf8_rtrim(pc.utf8_rtrim(column.cast(pa.string()), "0"), ".")
            elif name == "occurred_at":
                text = pc.utf8_replace_slice(time_text, 10, 11, "T")
            else:
                text = _escaped(column)
            parts += [pa.scalar(f'{lead}"{name}":"'), text]
            lead = '",'
            if name == "occurred_at":
                parts.append(pa.scalar('"'))
    return pc.binary_join_element_wise(*parts, pa.scalar("}"), "")


def _escaped(column: pa.StringArray) -> pa.StringArray:
    if not pc.any(pc.match_substring_regex(column, _NEEDS_ESCAPE)).as_py():
        return column
    encoded = column.dictionary_encode()
    words = [
        None if word is None else json.dumps(word, ensure_ascii=False)[1:-1]
        for word in encoded.dictionary.to_pylist()
    ]
    return pa.array(words, pa.string()).take(encoded.indices)


def _optional(opening: str, text: pa.StringArray) -> pa.StringArray:
    member = pc.binary_join_element_wise("," + opening, text, '"', "")
    return pc.fill_null(member, "")


def _members(extra: pa.StringArray) -> pa.StringArray:
    if extra.null_count == len(extra):
        return pa.array([""] * len(extra), pa.string())
    inner = pc.utf8_slice_codeunits(extra, 1, -1)
    inner = pc.if_else(pc.equal(inner, ""), pa.scalar(None, pa.string()), inner)
    return pc.fill_null(pc.binary_join_element_wise(",", inner, ""), "")
