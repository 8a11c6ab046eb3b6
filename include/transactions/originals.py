"""Records read from their topic again: for those whose bytes nobody has kept, because they keep the contract.

(Adapter: uses confluent-kafka, by ``reading``.)
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from include.transactions.encoding import encode
from include.transactions.reading import read_between
from include.transactions.schema import ARRIVAL_SCHEMA

log = logging.getLogger(__name__)

#: Rows of a piece; a sound record has 64 KiB at most.
_ROWS = 200


def with_originals(config: Mapping[str, Any], topic: str, rows: pa.Table) -> Iterator[pa.Table]:
    """Arrivals with their bytes as the topic has them.

    The topic is read once from the first place to the last, whatever lies between: a batch has an end.

    Parameters
    ----------
    config
        librdkafka settings of the brokers.
    rows
        ``ARRIVAL_SCHEMA`` without the bytes, of one batch.

    Yields
    ------
    pa.Table
        ``ARRIVAL_SCHEMA``, ``_ROWS`` rows at most, each row of ``rows`` once. What the topic has no more is written
        anew from what was read of it.

    Raises
    ------
    TopicsUnavailable
        See ``read_between``.
    """
    waiting = {(row["kafka_partition"], row["kafka_offset"]): row for row in rows.to_pylist()}
    start: dict[int, int] = {}
    ends: dict[int, int] = {}
    for partition, offset in waiting:
        start[partition] = min(offset, start.get(partition, offset))
        ends[partition] = max(offset + 1, ends.get(partition, 0))
    piece: list[dict[str, Any]] = []
    for message in read_between(config, topic, start, ends):
        if (row := waiting.pop((message.partition(), message.offset()), None)) is not None:
            piece.append(row | {"raw_key": message.key(), "raw_value": message.value()})
        if len(piece) == _ROWS:
            yield _table(piece)
            piece = []
    if waiting:
        log.warning(
            "%s records are gone from %s; they are written anew from what was read", len(waiting), topic
        )
        gone = list(waiting.values())
        records = encode(pa.Table.from_pylist(gone, schema=ARRIVAL_SCHEMA))
        piece += [
            row | {"raw_key": key, "raw_value": value}
            for row, (key, value) in zip(gone, records, strict=True)
        ]
    if piece:
        yield _table(piece)


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=ARRIVAL_SCHEMA)
