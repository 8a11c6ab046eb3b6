"""How transactions flow, read from the lake's ledger: rate, lag, what waits before each stage.

Manifests never change, so each is read once a process; a look reads the cursors and the batches that are new.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from include.pipeline.provisional import waiting_for_history
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage
from include.transactions.offsets import lag

#: The rate is of so long, and a first look reads no more batches than this.
WINDOW = timedelta(seconds=60)
MOST_BATCHES = 120


@dataclass(frozen=True, slots=True)
class Flow:
    """One look.

    Attributes
    ----------
    per_second
        Accepted transactions, of the last ``WINDOW``.
    lag
        Records the brokers have and no batch; None while the brokers do not say.
    waiting
        Batches before each stage.
    newest_batch_at
        When the newest batch was accepted.
    level
        At which the newest scored batch was decided, see ``include.detection.scored``; None before the first.
    without_history
        Transactions that are decided without history and wait to be scored.
    """

    per_second: float
    lag: int | None
    waiting: Mapping[str, int]
    newest_batch_at: datetime | None
    level: str | None = None
    without_history: int = 0


@dataclass(frozen=True, slots=True)
class _Batch:
    at: datetime
    accepted: int


class FlowWatch:
    """Looks at a ledger again and again; one caller at a time."""

    def __init__(self, lake: Lake) -> None:
        self._lake, self._ledger = lake, BatchLedger(lake)
        self._batches: deque[_Batch] = deque(maxlen=MOST_BATCHES)
        self._next = 0

    def look(self, ends: Mapping[int, int] | None, now: datetime) -> Flow:
        """How it flows now; ``ends`` is where the topic ends."""
        cursors = {stage: self._ledger.cursor(stage) for stage in Stage}
        self._catch_up(cursors[Stage.ACCEPTED].next_batch)
        recent = sum(batch.accepted for batch in self._batches if batch.at > now - WINDOW)
        before = {stage: stage.before for stage in Stage}
        return Flow(
            per_second=recent / WINDOW.total_seconds(),
            lag=None if ends is None else lag(ends, self._ledger.processed_offsets()),
            waiting={
                stage.value: max(0, cursors[earlier].next_batch - cursors[stage].next_batch)
                for stage, earlier in before.items()
                if earlier is not None
            },
            newest_batch_at=self._batches[-1].at if self._batches else None,
            level=self._level(cursors[Stage.SCORED].next_batch - 1),
            without_history=waiting_for_history(self._lake).transactions,
        )

    def _level(self, batch: int) -> str | None:
        manifest = self._ledger.manifest(Stage.SCORED, batch) if batch >= 0 else None
        return manifest.get("level") if manifest else None

    def _catch_up(self, next_batch: int) -> None:
        for number in range(max(self._next, next_batch - MOST_BATCHES), next_batch):
            manifest = self._ledger.manifest(Stage.ACCEPTED, number)
            if manifest is not None:  # else it has been cleaned away
                at = datetime.fromisoformat(manifest["completed_at"])
                self._batches.append(_Batch(at, int(manifest["counts"].get("accepted", 0))))
        self._next = next_batch
