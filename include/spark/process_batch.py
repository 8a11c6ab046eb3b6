"""From Kafka to accepted batches: one ``availableNow`` run of the streaming job, then settling.

The streaming query is native from end to end (parse and validate) and writes every record, valid or
not, as Parquet. Settling then takes each committed micro-batch, removes duplicates, writes the
accepted rows under the batch's number, sends the invalid records to the dead-letter topic and moves
the cursor. A crash anywhere is repaired by the next run: Spark repeats an uncommitted micro-batch with
the offsets it had planned, and settling repeats a batch whose cursor has not moved.

Run under plain Spark as ``spark-submit include/spark/process_batch.py --bootstrap … --lake … --cassandra …``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.settings import Settings, Stream
from include.spark.checkpoint import Checkpoint
from include.spark.parsing import parse
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, batch_folder
from include.stores.ports import DeadLetterQueue, SeenStore
from include.transactions.schema import ARRIVAL_SCHEMA
from include.transactions.settling import settle

log = logging.getLogger(__name__)

CHECKPOINT = "checkpoints/transactions"
QUERY = "process_transactions"


@dataclass(frozen=True, slots=True)
class ProcessJob:
    """The job and what it works on.

    Attributes
    ----------
    spark
        A Spark session, classic or Connect.
    kafka
        Options of Spark's Kafka source, without the ``kafka.`` prefix (``bootstrap.servers`` …).
    """

    spark: Any
    kafka: Mapping[str, str]
    lake: Lake
    seen: SeenStore
    dead_letters: DeadLetterQueue
    settings: Settings

    def run(self) -> list[int]:
        """Process what has arrived; numbers of the batches that became accepted."""
        self._stop_leftovers()
        settled = list(self._settle_committed())
        query = self._start()
        limit, began = self.settings.stream.max_run_seconds, time.monotonic()
        read: list[int] = []
        try:
            while not query.awaitTermination(0.05):
                read += self._settle_committed()
                # Between two batches only: a batch cut off would have to be read again.
                if read and time.monotonic() - began > limit:
                    log.info("handing over to the next run after %.0f s and %s batches", limit, len(read))
                    break
        finally:
            self._stop_leftovers()
        return settled + read + list(self._settle_committed())

    def _stop_leftovers(self) -> None:
        """Stop the query: under Connect it outlives its client, and the stream has one writer at a time."""
        for query in self.spark.streams.active:
            if query.name == QUERY:
                query.stop()

    def _start(self) -> Any:
        first = self._ledger.cursor(Stage.ACCEPTED).next_batch
        return start_query(
            self.spark, self.kafka, self.settings.topics.transactions, self.lake, _arrivals(first), CHECKPOINT,
            self.settings.stream, QUERY,
        )  # fmt: skip

    @property
    def _ledger(self) -> BatchLedger:
        return BatchLedger(self.lake)

    @property
    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(self.lake, CHECKPOINT, self.settings.topics.transactions)

    def _settle_committed(self) -> Iterator[int]:
        cursor = self._ledger.cursor(Stage.ACCEPTED)
        while self._checkpoint.is_committed(cursor.next_batch):
            self._settle(cursor.next_batch, cursor.positions)
            yield cursor.next_batch
            cursor = self._ledger.cursor(Stage.ACCEPTED)

    def _settle(self, batch: int, positions: Mapping[str, Any]) -> None:
        start = {int(partition): end for partition, end in positions.get("offsets", {}).items()}
        end = self._checkpoint.end_offsets(batch)
        outcome = settle(self._arrivals_of(batch, start, end), self.seen, batch)
        if outcome.accepted.num_rows:
            ids = outcome.accepted["transaction_id"].to_pylist()
            self.seen.remember(ids, batch)
        self.lake.write_table(f"{batch_folder(Stage.ACCEPTED, batch)}/data.parquet", outcome.accepted)
        tail = self.dead_letters.send(outcome.dead, batch, positions.get("dead_letter"))
        self._ledger.complete(
            Stage.ACCEPTED,
            batch,
            outcome.counts,
            positions={"offsets": end, "dead_letter": tail},
            facts={"start_offsets": start, "spark_run": self._run_of(batch)},
        )

    def _run_of(self, batch: int) -> int:
        """First batch of the Spark run that wrote this one: its arrivals are in that run's folder."""
        run = batch
        while not self.lake.exists(_arrivals(run)):
            run -= 1
            if run < 0:
                raise FileNotFoundError(
                    f"expected a folder of arrivals for batch {batch} in {self.lake.uri}, found none; the batch is "
                    "committed in Spark's checkpoint, so the folder was removed by hand: restore it"
                )
        return run

    def _arrivals_of(self, batch: int, start: Mapping[int, int], end: Mapping[int, int]) -> pa.Table:
        """Rows of a batch, told by their offsets from other batches of the same Spark run."""
        folder = _arrivals(self._run_of(batch))
        names = [name for name in self.lake.names(folder) if name.endswith(".parquet")]
        try:
            tables = [self.lake.read_table(f"{folder}/{name}") for name in names]
        except pa.ArrowInvalid:
            # A killed task left half a file; Spark's sink log knows which files count.
            log.warning("a file in %s is damaged; reading through Spark's sink log", folder)
            tables = [self.spark.read.parquet(self.lake.url(folder)).toArrow()]
        rows = [table.select(ARRIVAL_SCHEMA.names).cast(ARRIVAL_SCHEMA) for table in tables]
        merged = pa.concat_tables(rows) if rows else ARRIVAL_SCHEMA.empty_table()
        wanted = pa.scalar(False)
        for partition, until in end.items():
            inside = pc.and_(
                pc.equal(merged["kafka_partition"], partition),
                pc.and_(
                    pc.greater_equal(merged["kafka_offset"], start.get(partition, 0)),
                    pc.less(merged["kafka_offset"], until),
                ),
            )
            wanted = pc.or_(inside, wanted)
        return merged.filter(wanted)


def start_query(
    spark: Any, kafka: Mapping[str, str], topic: str, lake: Lake, output: str, checkpoint: str, stream: Stream,
    name: str,
) -> Any:  # fmt: skip
    """Start one ``availableNow`` run of the native streaming plan: read a topic, parse, write ``ARRIVAL_SCHEMA`` rows.

    Parameters
    ----------
    kafka
        Options of Spark's Kafka source, without the ``kafka.`` prefix.
    output, checkpoint
        Paths in the lake.
    """
    records = (
        spark.readStream.format("kafka")
        .options(**{f"kafka.{key}": value for key, value in kafka.items()})
        .option("subscribe", topic)
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", stream.max_offsets_per_batch)
        .load()
    )
    return (
        # Two files a batch, not one a Kafka partition: small files cost more than the lost parallelism.
        parse(records, stream.retention)
        .coalesce(2)
        .writeStream.format("parquet")
        .option("path", lake.url(output))
        .option("checkpointLocation", lake.url(checkpoint))
        .queryName(name)
        .trigger(availableNow=True)
        .start()
    )


def _arrivals(run: int) -> str:
    return f"arrivals/run={run:010d}"
