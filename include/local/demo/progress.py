"""How far every stage has come, read from the ledger; and whether anything still moves."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.table import Table

from include.local.demo.stream import Stream
from include.settings import Settings
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage
from include.transactions.offsets import TopicOffsets, lag

#: The sweep and every restart are faster than this; what has not moved for so long will not.
STALLED_SECONDS = 240.0
_LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One look; counts are since the demo began."""

    sent: int
    accepted: int
    duplicates: int
    dead_lettered: int
    scored: int
    alerts: int
    stored: int
    lag: int  # records the brokers have and no batch
    batches_behind: int  # of the slowest stage

    @property
    def is_drained(self) -> bool:
        """Everything the brokers have is through every stage."""
        return self.lag == 0 and self.batches_behind == 0

    def table(self) -> Table:
        """As shown while it runs."""
        table = Table("sent", "accepted", "duplicates", "dead-lettered", "scored", "alerts", "stored", "lag")
        counts = (self.sent, self.accepted, self.duplicates, self.dead_lettered)
        table.add_row(*(f"{n:,}" for n in (*counts, self.scored, self.alerts, self.stored, self.lag)))
        return table

    def line(self) -> str:
        """The same on one line, for a log."""
        return (
            f"sent {self.sent:,}, accepted {self.accepted:,}, dead-lettered {self.dead_lettered:,}, "
            f"scored {self.scored:,}, alerts {self.alerts:,}, stored {self.stored:,}, lag {self.lag:,}"
        )


class Progress:
    """Watches a demo from its first batch on."""

    def __init__(self, settings: Settings, offsets: TopicOffsets) -> None:
        self._ledger = BatchLedger(Lake(settings.lake))
        self._offsets = offsets
        self._ends = offsets.ends()
        self._before = {stage: dict(self._ledger.cursor(stage).totals) for stage in Stage}
        self.first_batch = self._ledger.cursor(Stage.ACCEPTED).next_batch
        self._last: tuple[int, ...] = ()
        self._moved_at = time.monotonic()

    @property
    def next_batch(self) -> int:
        """One past the newest batch."""
        return self._ledger.cursor(Stage.ACCEPTED).next_batch

    def look(self, sent: int) -> Snapshot:
        """Where things are now."""
        try:
            self._ends = self._offsets.ends()
        except Exception:  # the broker may be restarting; the last look has to do
            time.sleep(0.5)
        cursors = {stage: self._ledger.cursor(stage) for stage in Stage}

        def since(stage: Stage, name: str) -> int:
            return cursors[stage].totals.get(name, 0) - self._before[stage].get(name, 0)

        newest = cursors[Stage.ACCEPTED].next_batch
        snapshot = Snapshot(
            sent,
            since(Stage.ACCEPTED, "accepted"),
            since(Stage.ACCEPTED, "duplicates"),
            since(Stage.ACCEPTED, "dead_lettered"),
            since(Stage.SCORED, "scored"),
            since(Stage.ALERTED, "alerts"),
            since(Stage.STORED, "stored"),
            lag(self._ends, self._ledger.processed_offsets()),
            newest - min(cursor.next_batch for cursor in cursors.values()),
        )
        place = (sent, *(cursor.next_batch for cursor in cursors.values()))
        if place != self._last:
            self._last, self._moved_at = place, time.monotonic()
        return snapshot

    def until_through(
        self, stream: Stream, tell: Callable[[Snapshot], object] = lambda _: None
    ) -> tuple[Snapshot, str | None]:
        """Look four times a second until all that the stream sends is through, or nothing moves any more.

        Parameters
        ----------
        tell
            Called with every look.

        Returns
        -------
        Snapshot, str or None
            The last look, and what stands still, in words.
        """
        while True:
            running = stream.is_alive()
            snapshot = self.look(stream.handed_over)
            tell(snapshot)
            if not running and snapshot.is_drained:
                return snapshot, None
            if problem := self.stalled:
                return snapshot, problem
            time.sleep(_LOOK_SECONDS)

    @property
    def stalled(self) -> str | None:
        """What stands still, in words; None while things move."""
        if time.monotonic() - self._moved_at < STALLED_SECONDS:
            return None
        cursors = {stage: self._ledger.cursor(stage).next_batch for stage in Stage}
        behind = [f"{stage} is at batch {at}" for stage, at in cursors.items()]
        return f"nothing has moved for {STALLED_SECONDS:.0f} s: {', '.join(behind)}"
