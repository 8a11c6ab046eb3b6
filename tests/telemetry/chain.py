"""A chain in memory: records as Spark would have left them, then settled, scored, alerted and loaded for real."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa

from include.detection.registry import Deployed
from include.detection.scored import FULL
from include.pipeline.alerting import raise_alerts
from include.pipeline.loading import load
from include.pipeline.scoring import Configuration, score
from include.settings import Stream, Topics
from include.spark.process_batch import ProcessJob, _Run
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, accepted_file
from include.stores.lake.names import ARRIVALS
from include.stores.memory.alerting import MemoryAlertStore, MemoryOutboxStore
from include.stores.memory.state import MemorySeenStore
from include.transactions.contract import REASON_AMOUNT, REASON_MALFORMED
from include.transactions.schema import ACCEPTED_SCHEMA, ARRIVAL_SCHEMA
from tests.alerts.examples import SCORED_SCHEMA, scored_row
from tests.alerts.outbox_world import ROUTER
from tests.cases.world import World

TOPICS = Topics()
RUN = {"dag_id": "process_transactions", "run_id": "asset_triggered__1"}


class NoDeadLetterTopic:
    """Takes dead letters and remembers them."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def connect(self) -> None: ...

    def send(self, dead: Iterable[pa.Table], batch: int, tail: Mapping[str, int] | None) -> dict[str, int]:
        self.sent += [row for piece in dead for row in piece.to_pylist()]
        return dict(tail or {})


class NoRules:
    version, lists = "rules-1", 3

    def current(self) -> NoRules:
        return self


class NoModel:
    def deployed(self) -> Deployed:
        return Deployed(None)


def record(number: int, place: tuple[int, int], at: datetime, **changes: Any) -> dict[str, Any]:
    """A row as the streaming job writes it."""
    row = scored_row(transaction_id=f"T-{number}", kafka_partition=place[0], kafka_offset=place[1])
    row = {name: row[name] for name in ACCEPTED_SCHEMA.names}
    return row | {"arrived_at": at, "errors": [], "raw_key": b"k", "raw_value": b"{}"} | changes


@dataclass
class Chain:
    """Stores that live on, and the stages on them."""

    lake: Lake
    world: World = field(default_factory=World)
    alerts: MemoryAlertStore = field(default_factory=MemoryAlertStore)
    outbox: MemoryOutboxStore = field(default_factory=MemoryOutboxStore)
    seen: MemorySeenStore = field(default_factory=MemorySeenStore)
    dead_letters: NoDeadLetterTopic = field(default_factory=NoDeadLetterTopic)
    level: str = FULL

    @classmethod
    def at(cls, folder: Path) -> Chain:
        return cls(Lake(folder.as_uri()))

    @property
    def ledger(self) -> BatchLedger:
        return BatchLedger(self.lake, RUN)

    def accept(self, *rows: dict[str, Any], began_at: datetime | None = None) -> None:
        """One Spark run of one batch, settled by the production code."""
        batch = self.ledger.cursor(Stage.ACCEPTED).next_batch
        table = pa.Table.from_pylist(list(rows), schema=ARRIVAL_SCHEMA)
        self.lake.write_table(f"{ARRIVALS}/run={batch:010d}/rows/part-0.parquet", table)
        ends: dict[int, int] = {}
        for row in rows:
            partition, offset = row["kafka_partition"], row["kafka_offset"]
            ends[partition] = max(ends.get(partition, 0), offset + 1)
        job = ProcessJob(
            None, {}, self.lake, lambda: self.seen, self.dead_letters,
            SimpleNamespace(topics=TOPICS, stream=Stream()), RUN, began_at or datetime.now(UTC),  # type: ignore[arg-type]
        )  # fmt: skip
        run = _Committed(job, batch, ends=ends)
        run._settle(batch, self.ledger.cursor(Stage.ACCEPTED).positions, self.ledger)

    def score(
        self, batches: range | None = None, alerts: tuple[str, ...] = (), reviews: tuple[str, ...] = ()
    ) -> None:
        """Score by a scorer that decides what the test wants."""

        def scorer(batch: int, configuration: Configuration) -> pa.Table:
            rows = []
            for row in self.lake.read_table(accepted_file(batch)).to_pylist():
                name = row["transaction_id"]
                decision = "ALERT" if name in alerts else "REVIEW" if name in reviews else "ALLOW"
                changes = {"decision": decision, "level": self.level, "scored_at": configuration.scored_at}
                known = {} if self.level == FULL else {"score": None}
                rows.append(scored_row() | row | changes | known)
            return pa.Table.from_pylist(rows, schema=SCORED_SCHEMA)

        due = self.ledger.due(Stage.SCORED) if batches is None else batches
        score(due, self.ledger, self.lake, NoModel(), NoRules(), lambda rows: scorer)  # type: ignore[arg-type]

    def alert(self, batches: range | None = None) -> None:
        due = self.ledger.due(Stage.ALERTED) if batches is None else batches
        raise_alerts(due, self.ledger, self.lake, self.alerts, self.world.intake, ROUTER, self.outbox)

    def store(self, batches: range | None = None) -> None:
        due = self.ledger.due(Stage.STORED) if batches is None else batches
        load(due, self.ledger, self.lake, lambda table, batch: table.num_rows)

    def two_batches(self, at: datetime) -> None:
        """Eight records: five accepted, one of them twice, two refused; two alerts, one review."""
        self.accept(
            record(1, (0, 0), at),
            record(2, (0, 1), at + timedelta(seconds=1)),
            record(3, (1, 0), at + timedelta(seconds=2), errors=[REASON_AMOUNT, REASON_MALFORMED]),
            began_at=at + timedelta(seconds=3),
        )
        self.accept(
            record(4, (0, 2), at),
            record(1, (1, 1), at),
            record(5, (1, 2), at),
            record(6, (1, 3), at),
            record(7, (1, 4), at, errors=[REASON_AMOUNT]),
            began_at=at + timedelta(seconds=3),
        )
        self.score(alerts=("T-1", "T-4"), reviews=("T-2",))
        self.alert()
        self.store()


@dataclass(frozen=True, slots=True)
class _Committed(_Run):
    """A Spark run whose checkpoint says where its batches end."""

    ends: Mapping[int, int] = field(default_factory=dict)

    def originals(self, sound: pa.Table) -> Iterable[pa.Table]:
        """There is no topic to read them from."""
        return [pa.Table.from_pylist(sound.to_pylist(), schema=ARRIVAL_SCHEMA)]

    @property
    def checkpoint(self) -> Any:
        return SimpleNamespace(end_offsets=lambda number: dict(self.ends))
