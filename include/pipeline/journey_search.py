"""Finds records in the lake: by the id of their transaction, or by their place in Kafka."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.pipeline.batch_log import batch_numbers
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, accepted_file
from include.stores.lake.names import ARRIVALS
from include.transactions.content import content_digests, says_the_same
from include.transactions.contract import REUSED_TRANSACTION_ID
from include.transactions.dead_letter import Place
from include.transactions.judging import judge
from include.transactions.schema import ACCEPTED_SCHEMA, ARRIVAL_SCHEMA

_COLUMNS = ("transaction_id", "kafka_partition", "kafka_offset", "arrived_at", "errors")
_ACCEPTED = tuple(ACCEPTED_SCHEMA.names)
#: Spark runs that are looked through for further arrivals of a transaction that is found already.
FURTHER_RUNS = 500


class Outcome(StrEnum):
    """What became of a record."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    DEAD_LETTERED = "dead-lettered"
    LEFT_OUT = "left out"  # a duplicate or a dead letter; what tells which has been deleted
    WAITING = "waiting"  # no batch has it yet


@dataclass(frozen=True, slots=True)
class Found:
    """A record.

    Attributes
    ----------
    batch
        The batch that read it; None while there is none.
    reasons
        Of a refusal.
    content
        Digest of what an accepted one says, see ``include.transactions.content``.
    """

    topic: str
    place: Place
    outcome: Outcome
    transaction_id: str | None = None
    batch: int | None = None
    arrived_at: datetime | None = None
    reasons: tuple[str, ...] = ()
    content: bytes | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Search:
    """Looks through the batches and Spark runs that retention has left.

    Parameters
    ----------
    topic
        Of the transactions.
    retention
        Oldest age of a transaction at its arrival.
    """

    lake: Lake
    topic: str
    retention: timedelta

    def by_id(self, transaction_id: str, batch: int | None = None) -> list[Found]:
        """Every arrival of a transaction, the accepted one first, then by arrival; empty if there is none.

        Parameters
        ----------
        batch
            The batch that is said to have accepted it.
        """
        accepted = self._accepted(transaction_id, batch)
        runs = self.lake.names(ARRIVALS)
        others = [
            self._judged(row, run, accepted)
            for run in (runs[-FURTHER_RUNS:] if accepted else runs)
            for row in self._arrivals(run, pc.field("transaction_id") == transaction_id)
        ]
        places = {one.place for one in accepted}
        fresh = {one.place: one for one in others if one is not None and one.place not in places}
        return accepted + sorted(
            fresh.values(), key=lambda one: (one.arrived_at is None, one.arrived_at, one.place)
        )

    def by_place(self, place: Place) -> Found | None:
        """The record at a place that a batch has read; None where none (any more) has."""
        batch = self.batch_of(place)
        if batch is None:
            return None
        at_place = (pc.field("kafka_partition") == place.partition) & (
            pc.field("kafka_offset") == place.offset
        )
        path = accepted_file(batch)
        if self.lake.exists(path):
            for row in self.lake.read_table(path, _COLUMNS).filter(at_place).to_pylist():
                return self._found(row, Outcome.ACCEPTED, batch)
        manifest = BatchLedger(self.lake).manifest(Stage.ACCEPTED, batch) or {}
        run = f"run={int(manifest.get('spark_run', batch)):010d}"
        for row in self._arrivals(run, at_place):
            return self._left_out(row, batch, None)
        return Found(self.topic, place, Outcome.LEFT_OUT, batch=batch)

    def batch_of(self, place: Place) -> int | None:
        """The batch that read a place; None if none has, or its manifest is deleted."""
        there, ledger = batch_numbers(self.lake, str(Stage.ACCEPTED)), BatchLedger(self.lake)
        there = [number for number in there if number < ledger.cursor(Stage.ACCEPTED).next_batch]

        def end(number: int) -> int:
            manifest = ledger.manifest(Stage.ACCEPTED, number) or {}
            ends = manifest.get("positions", {}).get("offsets", {})
            return int(ends.get(str(place.partition), 0))

        index = bisect_right(there, place.offset, key=end)  # ends never go back from batch to batch
        if index == len(there):
            return None
        if index == 0:  # of an older batch, unless it stands between this one's start and end
            start = (ledger.manifest(Stage.ACCEPTED, there[0]) or {}).get("start_offsets", {})
            if place.offset < int(start.get(str(place.partition), 0)):
                return None
        return there[index]

    def _accepted(self, transaction_id: str, hint: int | None, until: int | None = None) -> list[Found]:
        there = batch_numbers(self.lake, str(Stage.ACCEPTED))
        if until is not None:
            there = there[: bisect_right(there, until)]
        for number in ([hint] if hint is not None else []) + there[::-1]:
            path = accepted_file(number)
            if not self.lake.exists(path):
                continue
            if transaction_id not in self.lake.read_table(path, _COLUMNS[:1])["transaction_id"].to_pylist():
                continue
            rows = self.lake.read_table(path, _ACCEPTED).filter(pc.field("transaction_id") == transaction_id)
            return [
                self._found(row, Outcome.ACCEPTED, number, digest)
                for row, digest in zip(rows.to_pylist(), content_digests(rows), strict=True)
            ]
        return []

    def _arrivals(self, run: str, wanted: pc.Expression) -> Iterator[dict[str, Any]]:
        """Rows of a Spark run; a file that a killed task has left half written is passed over."""
        folder = f"{ARRIVALS}/{run}/rows"
        for name in self.lake.names(folder):
            if not name.endswith(".parquet"):
                continue
            try:
                if not self.lake.read_table(f"{folder}/{name}", _COLUMNS).filter(wanted).num_rows:
                    continue
                whole = self.lake.read_table(f"{folder}/{name}", ARRIVAL_SCHEMA.names)
            except pa.ArrowInvalid:
                continue
            yield from judge(whole.filter(wanted), self.retention).to_pylist()

    def _judged(self, row: dict[str, Any], run: str, accepted: list[Found]) -> Found | None:
        place = Place(row["kafka_partition"], row["kafka_offset"])
        batch = self.batch_of(place)
        if (
            batch is None
            and BatchLedger(self.lake).processed_offsets().get(place.partition, 0) > place.offset
        ):
            return None  # its batch is deleted
        if batch is None:
            return self._found(row, Outcome.WAITING, None)
        return self._left_out(row, batch, accepted)

    def _left_out(self, row: dict[str, Any], batch: int, accepted: list[Found] | None) -> Found:
        """A record that was not accepted: broken, a repetition, or of an id that means another transaction.

        Parameters
        ----------
        accepted
            What was accepted under its id; None: it is looked for, from the record's batch back.
        """
        if row["errors"]:
            return self._found(row, Outcome.DEAD_LETTERED, batch)
        first = self._accepted(row["transaction_id"], None, batch) if accepted is None else accepted
        if not first:
            return self._found(row, Outcome.LEFT_OUT, batch)
        (digest,) = content_digests(pa.Table.from_pylist([row], schema=ACCEPTED_SCHEMA))
        if any(says_the_same(digest, one.content) for one in first):
            return self._found(row, Outcome.DUPLICATE, batch)
        return self._found(row | {"errors": [REUSED_TRANSACTION_ID]}, Outcome.DEAD_LETTERED, batch)

    def _found(
        self, row: dict[str, Any], outcome: Outcome, batch: int | None, content: bytes | None = None
    ) -> Found:
        return Found(
            self.topic,
            Place(row["kafka_partition"], row["kafka_offset"]),
            outcome,
            row["transaction_id"],
            batch,
            row["arrived_at"],
            tuple(row.get("errors") or ()),
            content,
        )
