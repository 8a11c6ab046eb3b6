"""From Kafka to accepted batches: one ``availableNow`` run of the streaming job, then settling.

The streaming query is native from end to end (parse and validate) and writes every record, proven sound
or undecided, as Parquet. Settling then takes each committed micro-batch, judges the undecided, removes
duplicates, writes the accepted rows under the batch's number, sends the invalid records to the dead-letter
topic and moves the cursor.

The cursor says how far the stream has come: a run starts at its offsets, with a folder and a checkpoint
of its own, so neither grows with history. After a crash the next run first settles what Spark had
committed, cut where it was cut then, because settling may have begun: ids remembered under a batch's
number have to find themselves in that batch again. What Spark had not committed is read again.

What the topic has lost meanwhile (retention, deletion, truncation) becomes a batch of its own, without rows, which
counts it; see ``include.pipeline.loss_record``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count, takewhile
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.pipeline.loss_record import settle_loss, standing_of
from include.settings import Settings
from include.spark.checkpoint import Checkpoint
from include.spark.session import use_codegen
from include.spark.stream_query import AVAILABLE_NOW, start_query
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, accepted_file
from include.stores.lake.names import ARRIVALS
from include.stores.lake.work import Work, count_values
from include.stores.ports import DeadLetterQueue, SeenStore
from include.transactions.judging import judge
from include.transactions.losses import Extent
from include.transactions.offsets import TopicOffsets, lag
from include.transactions.originals import with_originals
from include.transactions.schema import ACCEPTED_SCHEMA, ARRIVAL_SCHEMA
from include.transactions.settling import Settled, places, reused_ids, settle

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.02
_EARLIEST = -2  # as Spark's Kafka source spells it
_CODEGEN_FROM_ROWS = (
    5_000  # interpreted, 480 rows took 0.32 s and not 0.46 s, 20,000 rows 3.6 s and not 2.6 s
)
QUERY = "process_transactions"

#: What settling needs of an arrival: all but the bytes of those that were refused.
_LIGHT = pa.schema([field for field in ARRIVAL_SCHEMA if field.name not in ("raw_key", "raw_value")])


@dataclass(frozen=True, slots=True)
class ProcessJob:
    """The job and what it works on.

    Attributes
    ----------
    spark
        A Spark session, classic or Connect.
    kafka
        librdkafka settings of the brokers (``bootstrap.servers``, security).
    seen
        Gives the store of accepted ids; asked when the first batch is there, so it may still be connecting.
    by
        Who works, for the manifests, see ``BatchLedger``.
    began_at
        When this run took up its work.
    trigger
        Of Spark's query, see ``start_query``.
    """

    spark: Any
    kafka: Mapping[str, str]
    lake: Lake
    seen: Callable[[], SeenStore]
    dead_letters: DeadLetterQueue
    settings: Settings
    by: Mapping[str, str] = field(default_factory=dict)
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    trigger: Mapping[str, Any] = field(default_factory=lambda: AVAILABLE_NOW)

    def run(self) -> list[int]:
        """Process what has arrived; numbers of the batches that became accepted."""
        with ThreadPoolExecutor(2, "kafka") as side:
            topic_now = side.submit(self._topic)
            self.stop()
            settled = [batch for run in self._last_run() for batch in run.settle_committed()]
            topic = topic_now.result()
            settled += self._settle_losses(topic)
            processed = BatchLedger(self.lake).processed_offsets()
            start = {partition: processed.get(partition, _EARLIEST) for partition in topic.ends}
            waiting = lag(topic.readable_ends, start)
            if not waiting:
                return settled
            # Nobody waits for it yet: Spark reads meanwhile. If it fails, ``send`` fails, and says why.
            side.submit(self.dead_letters.connect)
            return settled + self._run_spark(start, waiting, topic.identity)

    def _settle_losses(self, topic: Extent) -> list[int]:
        """Count what the topic has lost since the last run, so that this one begins where there is something."""
        found = standing_of(self.lake, Stage.ACCEPTED, topic)
        if not found.moved:
            return []
        none = Settled(ACCEPTED_SCHEMA.empty_table(), {}, 0, ARRIVAL_SCHEMA.empty_table())

        def write_empty(batch: int) -> None:
            self.lake.write_table(accepted_file(batch), none.accepted)

        return [settle_loss(self.lake, Stage.ACCEPTED, found, topic, none.counts, write_empty)]

    def read_ahead(self) -> Iterator[tuple[int, pa.Table]]:
        """Read what has arrived without settling any of it: for when the store of accepted ids is away.

        Micro-batches are committed under the numbers they will have as batches, and ``run`` settles them, in
        order, once the store is back. A second call goes on in the same Spark run, for only the newest is settled.

        Yields
        ------
        tuple
            Number of a batch nobody has settled, and its sound transactions (``ACCEPTED_SCHEMA``); repetitions
            of earlier batches are still among them.
        """
        self.stop()
        ledger = BatchLedger(self.lake)
        cursor, processed = ledger.cursor(Stage.ACCEPTED), ledger.processed_offsets()
        topic = self._topic()
        run = next((run for run in self._last_run() if run.committed_after(cursor.next_batch)), None)
        if run is None:
            run = _Run(self, cursor.next_batch, topic.identity)
            self.lake.delete_folder(run.folder)
        done = run.end_of(run.committed_after(cursor.next_batch), processed)
        start = {partition: done.get(partition, _EARLIEST) for partition in topic.ends}
        if lag(topic.readable_ends, start):
            run.start(start).awaitTermination()
        for batch in run.committed_after(cursor.next_batch):
            until = run.end_of([batch], processed)
            sound = settle(run.arrivals(processed, until), _NothingSeen(), batch).accepted
            processed = until
            yield batch, sound

    def _run_spark(self, start: Mapping[int, int], waiting: int, topic: str) -> list[int]:
        """One ``availableNow`` run from ``start`` on; its batches are settled as they are committed."""
        run = _Run(self, BatchLedger(self.lake).cursor(Stage.ACCEPTED).next_batch, topic)
        self.lake.delete_folder(run.folder)  # of a try of which nothing was committed
        limit, began = self.settings.stream.max_run_seconds, time.monotonic()
        use_codegen(self.spark, wanted=waiting >= _CODEGEN_FROM_ROWS)
        query = run.start(start)
        read: list[int] = []
        with ThreadPoolExecutor(1) as waiting_for_spark:
            # One call that waits, not many that ask: each costs client and server milliseconds.
            end = waiting_for_spark.submit(query.awaitTermination)
            try:
                while not end.done():
                    read += run.settle_committed()
                    # Between two batches only: a batch cut off would have to be read again.
                    if read and time.monotonic() - began > limit:
                        log.info("handing over to the next run after %.0f s and %s batches", limit, len(read))
                        break
                    wait([end], timeout=_LOOK_SECONDS)
            finally:
                if not end.done():
                    self.stop()
            end.result()
        log.info("the Spark run took %.2f s", time.monotonic() - began)
        return read + list(run.settle_committed())

    def _last_run(self) -> list[_Run]:
        """The newest Spark run, if there was one."""
        names = self.lake.names(ARRIVALS)[-1:]
        return [_Run(self, int(name.removeprefix("run="))) for name in names]

    def _topic(self) -> Extent:
        """Where the topic's partitions begin and end now."""
        with TopicOffsets(self.kafka, self.settings.topics.transactions) as offsets:
            return offsets.extent()

    def stop(self) -> None:
        """Stop the query: under Connect it outlives its client, and the stream has one writer at a time."""
        for query in self.spark.streams.active:
            if query.name == QUERY:
                query.stop()


@dataclass(frozen=True, slots=True)
class _Run:
    """One Spark run: its micro-batch ``k`` is batch ``first + k``."""

    job: ProcessJob
    first: int
    topic: str | None = None  # its id, if it is the run that has just begun

    @property
    def folder(self) -> str:
        return f"{ARRIVALS}/run={self.first:010d}"

    @property
    def rows(self) -> str:
        return f"{self.folder}/rows"

    @property
    def checkpoint(self) -> Checkpoint:
        return Checkpoint(self.job.lake, f"{self.folder}/checkpoint", self.job.settings.topics.transactions)

    def start(self, offsets: Mapping[int, int]) -> Any:
        """Start Spark's query from these offsets on."""
        job = self.job
        return start_query(
            job.spark, job.kafka, job.settings.topics.transactions, job.lake, self.rows, self.checkpoint.path,
            job.settings.stream, QUERY, offsets, job.trigger,
        )  # fmt: skip

    def committed_after(self, batch: int) -> list[int]:
        """Batches from ``batch`` on that Spark has committed."""
        found = takewhile(lambda one: self.checkpoint.is_committed(one - self.first), count(batch))
        return list(found) if batch >= self.first else []

    def end_of(self, batches: list[int], before: Mapping[int, int]) -> dict[int, int]:
        """Where the last of the batches ends; ``before``, if there is none."""
        if not batches:
            return dict(before)
        return dict(before) | self.checkpoint.end_offsets(batches[-1] - self.first)

    def settle_committed(self) -> Iterator[int]:
        """Settle every micro-batch that Spark has committed and nobody has settled."""
        ledger = BatchLedger(self.job.lake, self.job.by)
        while True:
            cursor = ledger.cursor(Stage.ACCEPTED)
            if not self.checkpoint.is_committed(cursor.next_batch - self.first):
                return
            self._settle(cursor.next_batch, cursor.positions, ledger)
            yield cursor.next_batch

    def _began_at(self, batch: int, ledger: BatchLedger) -> datetime:
        """When this run began with a batch: with the first of them at its start, else when the one before was done."""
        before = (ledger.manifest(Stage.ACCEPTED, batch - 1) or {}).get("completed_at") if batch else None
        return max(self.job.began_at, datetime.fromisoformat(before)) if before else self.job.began_at

    def _settle(self, batch: int, positions: Mapping[str, Any], ledger: BatchLedger) -> None:
        job, began, committed_at = self.job, time.monotonic(), datetime.now(UTC)
        start = {int(partition): end for partition, end in positions.get("offsets", {}).items()}
        end = start | self.checkpoint.end_offsets(batch - self.first)
        arrivals, seen = self.arrivals(start, end), job.seen()
        outcome = settle(arrivals, seen, batch)
        with ThreadPoolExecutor(1) as sending:
            letters = self._whole(outcome.dead) if outcome.dead.num_rows else ()
            sent = sending.submit(job.dead_letters.send, letters, batch, positions.get("dead_letter"))
            if outcome.contents:
                seen.remember(outcome.contents, batch)
            job.lake.write_table(accepted_file(batch), outcome.accepted)
            tail = sent.result()
        began_at, arrived_at = self._began_at(batch, ledger), pc.min(arrivals["arrived_at"]).as_py()
        measures = {
            "spark_seconds": max(0.0, (committed_at - began_at).total_seconds()),
            "settle_seconds": time.monotonic() - began,
            "batch_records": outcome.counts["read"],
        }
        if arrived_at is not None:
            measures["wait_seconds"] = max(0.0, (began_at - arrived_at).total_seconds())
        ledger.complete(
            Stage.ACCEPTED,
            batch,
            outcome.counts,
            positions={
                "offsets": end,
                "dead_letter": tail,
                "topic": self.topic or positions.get("topic"),
            },
            facts={
                "start_offsets": start,
                "spark_run": self.first,
                "arrived_at": arrived_at and arrived_at.isoformat(),
            },
            work=Work(
                began_at,
                arrived_at,
                measures,
                {"reason": count_values(pc.list_flatten(outcome.dead["errors"]))},
            ),
        )
        log.info("batch %s: %s, settled in %.2f s", batch, outcome.counts, time.monotonic() - began)

    def arrivals(self, start: Mapping[int, int], end: Mapping[int, int]) -> pa.Table:
        """Rows of a batch, told by their offsets from other batches of the run; without the bytes of the refused."""
        rows = [self._judged(piece).select(_LIGHT.names) for piece in self._pieces()]
        merged = pa.concat_tables(rows) if rows else _LIGHT.empty_table()
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

    def _whole(self, dead: pa.Table) -> Iterator[pa.Table]:
        """The refused records with their bytes, bit by bit: a record may have many more than the contract allows."""
        reused = reused_ids(dead)
        waiting = set(places(dead).tolist()) - set(places(reused).tolist())
        for piece in self._pieces():
            # A task that was tried again may have left its rows twice.
            fresh = []
            for place in places(piece).tolist():
                fresh.append(place in waiting)
                waiting.discard(place)
            if any(fresh):
                yield self._judged(piece.filter(pa.array(fresh)))
        if reused.num_rows:
            yield from self.originals(reused)

    def originals(self, sound: pa.Table) -> Iterator[pa.Table]:
        """Sound records with their bytes, which Spark did not write: one out of thousands is refused after all."""
        return with_originals(self.job.kafka, self.job.settings.topics.transactions, sound)

    def _judged(self, piece: pa.Table) -> pa.Table:
        return judge(piece, self.job.settings.stream.retention)

    def _pieces(self) -> Iterator[pa.Table]:
        """What Spark wrote, bit by bit, ``ARRIVAL_SCHEMA.names``."""
        lake, columns = self.job.lake, ARRIVAL_SCHEMA.names
        files = [f"{self.rows}/{name}" for name in lake.names(self.rows) if name.endswith(".parquet")]
        try:
            for file in files:
                lake.rows_of(file)  # all can be read: known before anything is sent
        except pa.ArrowInvalid:
            # A killed task left half a file; Spark's sink log knows which files count.
            log.warning("a file in %s is damaged; reading through Spark's sink log", self.rows)
            yield self.job.spark.read.parquet(lake.url(self.rows)).select(*columns).toArrow()
            return
        for file in files:
            yield from (piece.select(columns) for piece in lake.read_pieces(file, columns))


class _NothingSeen:
    """Stands in for the store that is away: nothing is known to be a repetition."""

    def seen_before(self, transaction_ids: Sequence[str], before_batch: int) -> Mapping[str, bytes | None]:
        return {}

    def remember(self, contents: Mapping[str, bytes], batch: int) -> None:
        raise AssertionError("what is read ahead is not accepted yet")
