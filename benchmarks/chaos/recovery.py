"""When the flow has recovered: a transaction sent after the fault is through every stage."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from confluent_kafka import KafkaException

from include.settings import Settings
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage
from include.transactions.errors import TopicsUnavailable
from include.transactions.offsets import TopicOffsets, lag

_POLL_SECONDS = 0.2
_PULSE_SECONDS = 1.0
_AFTER_SCORING = (Stage.SCORED, Stage.ALERTED, Stage.STORED)


class Standstill:
    """The longest time in which a stage had something to do and did not get on; transactions never stop coming.

    Attributes
    ----------
    longest
        Seconds.
    """

    def __init__(self, since: float) -> None:
        self.longest = 0.0
        self._moved = dict.fromkeys(Stage, since)
        self._seen: dict[Stage, int] = {}

    def look(self, reached: Mapping[Stage, int], now: float) -> None:
        """Take note of how far each stage has come: the number of its next batch."""
        for stage, batch in reached.items():
            waits = stage.before is None or batch < reached[stage.before]
            if not waits or batch > self._seen.get(stage, -1):
                self._moved[stage] = now
            self.longest = max(self.longest, now - self._moved[stage])
        self._seen = dict(reached)


class Pulse(threading.Thread):
    """Looks every second how far each stage has come, whatever is done to the stack meanwhile."""

    def __init__(self, lake: Lake) -> None:
        super().__init__(name="pulse", daemon=True)
        self._ledger = BatchLedger(lake)
        self._over = threading.Event()
        self._current = Standstill(time.monotonic())

    def begin(self) -> Standstill:
        """Look for a standstill from now on."""
        self._current = Standstill(time.monotonic())
        return self._current

    def run(self) -> None:
        """Look until it is over."""
        while not self._over.wait(_PULSE_SECONDS):
            reached = {stage: self._ledger.cursor(stage).next_batch for stage in Stage}
            self._current.look(reached, time.monotonic())

    def finish(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()


class FlowWatch:
    """Looks at the brokers and at the ledger."""

    def __init__(self, settings: Settings, kafka: dict[str, str]) -> None:
        self._ledger = BatchLedger(Lake(settings.lake))
        self._kafka = kafka
        self._topic = settings.topics.transactions
        self._offsets: TopicOffsets | None = None

    def ends(self) -> dict[int, int] | None:
        """End offsets of the topic; None while the brokers do not answer."""
        try:
            self._offsets = self._offsets or TopicOffsets(self._kafka, self._topic)
            return self._offsets.ends()
        except (KafkaException, TopicsUnavailable, TimeoutError):
            self._offsets = None
            time.sleep(_POLL_SECONDS)
            return None

    def wait_until_through(
        self, since: dict[int, int], began: float, limit: float, healthy: Callable[[], None]
    ) -> float | None:
        """Wait until a record that came after ``since``, and all before it, are through every stage.

        Parameters
        ----------
        since
            End offsets before the fault, or as it ended.
        began
            When the fault ended, by the monotonic clock.
        limit
            Most seconds to wait.
        healthy
            Raises if waiting makes no sense any more.

        Returns
        -------
        float or None
            Seconds since ``began``; None if it was not so within ``limit``.
        """
        mark: dict[int, int] | None = None
        batch: int | None = None
        while time.monotonic() - began < limit:
            healthy()
            if mark is None:
                ends = self.ends()
                if ends is not None and lag(ends, since) > 0:
                    mark = ends
            if mark is not None and batch is None and lag(mark, self._ledger.processed_offsets()) == 0:
                batch = self._ledger.cursor(Stage.ACCEPTED).next_batch
            if batch is not None and all(self._ledger.cursor(s).next_batch >= batch for s in _AFTER_SCORING):
                return time.monotonic() - began
            time.sleep(_POLL_SECONDS)
        return None

    def wait_until_drained(self, limit: float, healthy: Callable[[], None]) -> bool:
        """Wait until everything the brokers have is through every stage; whether it is."""
        began = time.monotonic()
        while time.monotonic() - began < limit:
            healthy()
            ends = self.ends()
            if ends is not None and lag(ends, self._ledger.processed_offsets()) == 0:
                accepted = self._ledger.cursor(Stage.ACCEPTED).next_batch
                if all(self._ledger.cursor(stage).next_batch >= accepted for stage in _AFTER_SCORING):
                    return True
            time.sleep(1)
        return False
