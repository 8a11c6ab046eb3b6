"""Fraud labels from their topic into batches of their own: lake, store, dead letters.

A batch takes what has arrived since the batch before, at most so many records and bytes of each partition. It can be
broken off anywhere and done again: the lake's files are replaced, the store keeps the newest word of every source
whatever comes twice, and a dead letter that was sent is found again. The cursor moves last.

A batch of labels is three files: ``data.parquet`` what came, ``joined.parquet`` the verdicts that follow from
it, joined with the transactions they speak of, and ``waiting.parquet`` labels of transactions nobody knows yet.
Those are tried again with every later batch, as long as such a transaction could still come.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.features.labels import JOINED_LABEL_SCHEMA
from include.pipeline.loss_record import settle_loss, standing_of
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, batch_folder
from include.stores.lake.names import LABELS
from include.stores.lake.work import Work
from include.stores.ports import DeadLetterQueue, LabelStore
from include.transactions.labels import (
    ARRIVED_LABEL_SCHEMA,
    LabelEvent,
    LabelledTransaction,
    LabelRecord,
    validate_label,
    verdict,
)
from include.transactions.losses import Extent
from include.transactions.offsets import lag
from include.transactions.schema import ARRIVAL_SCHEMA

log = logging.getLogger(__name__)


#: Records from (first offset by partition) to (offset before which reading stops).
ReadRecords = Callable[[Mapping[int, int], Mapping[int, int]], Iterable[LabelRecord]]
#: Transactions by id; unknown ones are left out.
FindTransactions = Callable[[list[str]], Mapping[str, LabelledTransaction]]

#: A verdict, and the batch its transaction was scored in; ``NO_BATCH`` if it is of a bank's history.
VERDICT_SCHEMA = JOINED_LABEL_SCHEMA.append(pa.field("batch", pa.int64()))
NO_BATCH = -1

_PIECE = 8  # rows: each may have 16 MiB

DATA, JOINED, WAITING = "data.parquet", "joined.parquet", "waiting.parquet"


@dataclass(frozen=True, slots=True)
class LabelJob:
    """The job and what it works on.

    Attributes
    ----------
    max_records, max_bytes
        Most records a batch takes, of each partition, and bytes of keys and values after which it takes no more of a
        partition: refused records are held with theirs until they are sent. A bound over all partitions would cut a
        batch that is done again elsewhere, and a dead letter outside of it would be sent twice.
    patience
        How long after its arrival a label waits for its transaction: an event older than the stream's
        retention is refused, so it will not come any more.
    """

    read: ReadRecords
    transactions: FindTransactions
    lake: Lake
    labels: LabelStore
    dead_letters: DeadLetterQueue
    max_records: int = 20_000
    max_bytes: int = 8 * 2**20
    patience: timedelta = timedelta(days=30)

    def run(self, ends: Mapping[int, int], topic: Extent | None = None) -> list[int]:
        """Take everything before ``ends`` (offset by partition) into batches; returns their numbers.

        Parameters
        ----------
        topic
            Where the topic begins and ends: labels that were deleted before they were read become a batch without
            rows that counts them, see ``include.pipeline.loss_record``. None: it has lost nothing.
        """
        ledger, done = BatchLedger(self.lake), []
        if topic is not None and (found := standing_of(self.lake, LABELS, topic)).moved:
            counts = {"read": 0, "accepted": 0, "dead_lettered": 0}
            done.append(settle_loss(self.lake, LABELS, found, topic, counts, self._write_empty))
        while lag(ends, start := ledger.processed_offsets(LABELS)):
            until = {
                partition: min(end, start.get(partition, 0) + self.max_records)
                for partition, end in ends.items()
            }
            done.append(self._batch(ledger, start, start | until, topic.identity if topic else None))
        return done

    def _write_empty(self, batch: int) -> None:
        """The files of a batch without labels; those that wait go on waiting."""
        folder = batch_folder(LABELS, batch)
        self.lake.write_table(f"{folder}/{DATA}", ARRIVED_LABEL_SCHEMA.empty_table())
        self.lake.write_table(f"{folder}/{JOINED}", VERDICT_SCHEMA.empty_table())
        self.lake.write_table(f"{folder}/{WAITING}", self._waiting(batch))

    def _batch(
        self, ledger: BatchLedger, start: Mapping[int, int], until: Mapping[int, int], topic: str | None
    ) -> int:
        cursor, began_at = ledger.cursor(LABELS), datetime.now(UTC)
        batch = cursor.next_batch
        good: list[tuple[LabelRecord, LabelEvent]] = []
        bad: list[tuple[LabelRecord, list[str]]] = []
        until = dict(until)
        for record in self._records(start, until):
            judged = validate_label(record.value, record.key, record.arrived_at)
            if isinstance(judged, LabelEvent):
                good.append((record._replace(key=None, value=None), judged))
            else:
                bad.append((record, judged))
        folder, arrived = batch_folder(LABELS, batch), _table(good)
        self.lake.write_table(f"{folder}/{DATA}", arrived)
        self.labels.put([label for _, label in good])
        told = self._still_waited_for(pa.concat_tables([self._waiting(batch), arrived]))
        known = self.transactions(told["transaction_id"].unique().to_pylist())
        found = np.array([name in known for name in told["transaction_id"].to_pylist()], dtype=bool)
        joined = self._verdicts(told.filter(pa.array(found)), known)
        waiting = told.filter(pa.array(~found))
        self.lake.write_table(f"{folder}/{JOINED}", joined)
        self.lake.write_table(f"{folder}/{WAITING}", waiting)
        tail = self.dead_letters.send(_dead(bad), batch, cursor.positions.get("dead_letter"))
        counts = {"read": len(good) + len(bad), "accepted": len(good), "dead_lettered": len(bad)}
        facts = {
            "delay_days": _delays([label for _, label in good], known),
            "joined": joined.num_rows,
            "waiting": waiting.num_rows,
        }
        positions = {
            "offsets": dict(until),
            "dead_letter": tail,
            "topic": topic or cursor.positions.get("topic"),
        }
        tallies = {
            "reason": Counter(reason for _, reasons in bad for reason in reasons),
            "source": Counter(str(label.source) for _, label in good),
        }
        work = Work(began_at, pc.min(arrived["arrived_at"]).as_py(), tallies=tallies)
        ledger.complete(LABELS, batch, counts, positions=positions, facts=facts, work=work)
        log.info("labels, batch %s: %s, %s", batch, counts, facts)
        return batch

    def _records(self, start: Mapping[int, int], until: dict[int, int]) -> Iterator[LabelRecord]:
        """Records from ``start`` on; ``until`` comes forward where a partition has more bytes than a batch takes.

        How many of a partition are taken follows from its own records alone: however the brokers mix partitions, a
        batch that is done again has at least what it had.
        """
        reached = {partition: start.get(partition, 0) for partition in until}
        taken: Counter[int] = Counter()
        is_cut = True
        while is_cut:
            is_cut = False
            for record in self.read(dict(reached), dict(until)):
                yield record
                partition = record.partition
                reached[partition] = record.offset + 1
                taken[partition] += len(record.key or b"") + len(record.value or b"")
                if taken[partition] > self.max_bytes and reached[partition] < until[partition]:
                    until[partition] = reached[partition]
                    is_cut = True
                    break  # and read on without this partition, or all of it would come only to be thrown away

    def _waiting(self, batch: int) -> pa.Table:
        """Labels of earlier batches whose transactions were not known then."""
        path = f"{batch_folder(LABELS, batch - 1)}/{WAITING}"
        if not batch or not self.lake.exists(path):
            return ARRIVED_LABEL_SCHEMA.empty_table()
        return self.lake.read_table(path)

    def _still_waited_for(self, told: pa.Table) -> pa.Table:
        newest = pc.max(told["arrived_at"]).as_py()
        return (
            told
            if newest is None
            else told.filter(pc.greater_equal(told["arrived_at"], newest - self.patience))
        )

    def _verdicts(self, told: pa.Table, known: Mapping[str, LabelledTransaction]) -> pa.Table:
        """The verdict on every transaction the labels speak of, as far as one of these labels gives it.

        A label that is weaker than what was said before changes no verdict and is left out. One that is
        stronger, but older than the word it overrules, counts from that word on: features let the newest
        verdict stand. Which it is follows from the store alone, so a second try finds the same.
        """
        rows = []
        said = self.labels.get_many(told["transaction_id"].unique().to_pylist())
        fresh = {(row["transaction_id"], row["source"]) for row in told.to_pylist()}
        for transaction_id, labels in said.items():
            stands = verdict(labels)
            if stands is not None and (transaction_id, stands.source) in fresh:
                transaction = known[transaction_id]
                rows.append(
                    {
                        **{name: getattr(stands, name) for name in LabelEvent.__dataclass_fields__},
                        "labelled_at": max(label.labelled_at for label in labels),
                        "counterparty_id": transaction.counterparty_id,
                        "occurred_at": transaction.occurred_at,
                        "batch": transaction.batch_id,
                    }
                )
        rows.sort(key=lambda row: (row["labelled_at"], row["transaction_id"]))
        return pa.Table.from_pylist(rows, schema=VERDICT_SCHEMA)


def _delays(
    labels: list[LabelEvent], known: Mapping[str, LabelledTransaction]
) -> dict[str, dict[str, float]]:
    """How late labels are, by source: days from the transaction to the label, median and 95 %."""
    by_source: dict[str, list[float]] = {}
    for label in labels:
        if (transaction := known.get(label.transaction_id)) is not None:
            days = (label.labelled_at - transaction.occurred_at).total_seconds() / 86_400
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


def _dead(bad: list[tuple[LabelRecord, list[str]]]) -> Iterator[pa.Table]:
    """Refused records bit by bit: a table has their bytes a second time."""
    for start in range(0, len(bad), _PIECE):
        rows = [
            {
                "kafka_partition": record.partition,
                "kafka_offset": record.offset,
                "arrived_at": record.arrived_at,
                "errors": reasons,
                "raw_key": record.key,
                "raw_value": record.value,
            }
            for record, reasons in bad[start : start + _PIECE]
        ]
        yield pa.Table.from_pylist(rows, schema=ARRIVAL_SCHEMA)
