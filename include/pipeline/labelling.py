"""Fraud labels from their topic into batches of their own: lake, store, dead letters.

A batch takes what has arrived since the batch before, at most so many records. It can be broken off anywhere
and done again: the lake's file is replaced, the store keeps the newest word of every source whatever comes
twice, and a dead letter that was sent is found again. The cursor moves last.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, batch_folder
from include.stores.lake.names import LABELS
from include.stores.ports import DeadLetterQueue, LabelStore
from include.transactions.labels import ARRIVED_LABEL_SCHEMA, LabelEvent, LabelRecord, validate_label
from include.transactions.offsets import lag
from include.transactions.schema import ARRIVAL_SCHEMA

log = logging.getLogger(__name__)


#: Records from (first offset by partition) to (offset before which reading stops).
ReadRecords = Callable[[Mapping[int, int], Mapping[int, int]], Iterable[LabelRecord]]
#: When transactions took place, by id; unknown ones are left out.
OccurredAt = Callable[[list[str]], Mapping[str, datetime]]


@dataclass(frozen=True, slots=True)
class LabelJob:
    """The job and what it works on.

    Attributes
    ----------
    max_records
        Most records a batch takes, of each partition.
    """

    read: ReadRecords
    occurred_at: OccurredAt
    lake: Lake
    labels: LabelStore
    dead_letters: DeadLetterQueue
    max_records: int = 20_000

    def run(self, ends: Mapping[int, int]) -> list[int]:
        """Take everything before ``ends`` (offset by partition) into batches; returns their numbers."""
        ledger, done = BatchLedger(self.lake), []
        while lag(ends, start := ledger.processed_offsets(LABELS)):
            until = {
                partition: min(end, start.get(partition, 0) + self.max_records)
                for partition, end in ends.items()
            }
            done.append(self._batch(ledger, start, start | until))
        return done

    def _batch(self, ledger: BatchLedger, start: Mapping[int, int], until: Mapping[int, int]) -> int:
        cursor = ledger.cursor(LABELS)
        batch = cursor.next_batch
        good: list[tuple[LabelRecord, LabelEvent]] = []
        bad: list[tuple[LabelRecord, list[str]]] = []
        for record in self.read(start, until):
            judged = validate_label(record.value, record.key, record.arrived_at)
            if isinstance(judged, LabelEvent):
                good.append((record, judged))
            else:
                bad.append((record, judged))
        self.lake.write_table(f"{batch_folder(LABELS, batch)}/data.parquet", _table(good))
        self.labels.put([label for _, label in good])
        tail = self.dead_letters.send(_dead(bad), batch, cursor.positions.get("dead_letter"))
        counts = {"read": len(good) + len(bad), "accepted": len(good), "dead_lettered": len(bad)}
        facts = {"delay_days": self._delays([label for _, label in good])}
        ledger.complete(
            LABELS, batch, counts, positions={"offsets": dict(until), "dead_letter": tail}, facts=facts
        )
        log.info("labels, batch %s: %s, days after the transaction: %s", batch, counts, facts["delay_days"])
        return batch

    def _delays(self, labels: list[LabelEvent]) -> dict[str, dict[str, float]]:
        """How late labels are, by source: days from the transaction to the label, median and 95 %."""
        occurred = self.occurred_at([label.transaction_id for label in labels])
        by_source: dict[str, list[float]] = {}
        for label in labels:
            if (at := occurred.get(label.transaction_id)) is not None:
                days = (label.labelled_at - at).total_seconds() / 86_400
                by_source.setdefault(label.source, []).append(days)
        return {
            source: {
                "labels": len(days),
                "median": round(float(np.median(days)), 3),
                "p95": round(float(np.percentile(days, 95)), 3),
            }
            for source, days in sorted(by_source.items())
        }


def _table(good: list[tuple[LabelRecord, LabelEvent]]) -> pa.Table:
    rows = [
        {
            **{name: getattr(label, name) for name in LabelEvent.__dataclass_fields__},
            "kafka_partition": record.partition,
            "kafka_offset": record.offset,
            "arrived_at": record.arrived_at,
        }
        for record, label in good
    ]
    return pa.Table.from_pylist(rows, schema=ARRIVED_LABEL_SCHEMA)


def _dead(bad: list[tuple[LabelRecord, list[str]]]) -> pa.Table:
    rows: list[dict[str, Any]] = [
        {
            "kafka_partition": record.partition,
            "kafka_offset": record.offset,
            "arrived_at": record.arrived_at,
            "errors": reasons,
            "raw_key": record.key,
            "raw_value": record.value,
        }
        for record, reasons in bad
    ]
    return pa.Table.from_pylist(rows, schema=ARRIVAL_SCHEMA)
