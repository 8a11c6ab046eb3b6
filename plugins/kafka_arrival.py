"""The trigger that watches Kafka for unprocessed transactions and wakes the processing.

It compares where the topic ends with where processing has come (the cursor in the lake), so it holds
no offsets of its own: a restart, a lost event or a failed run makes it fire again. An event is a
wake-up; many arrivals are one event.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from include.transactions.offsets import broker_settings, lag

log = logging.getLogger(__name__)

_BACKOFF_FIRST, _BACKOFF_CAP = 0.5, 15.0


class KafkaArrivalTrigger(BaseEventTrigger):
    """Fires while a topic holds records that processing has not come to.

    Parameters
    ----------
    topic
        Topic to watch.
    lake
        URI of the lake that holds the cursor.
    cursor
        Name of the cursor that says how far the topic has been processed.
    poll_seconds
        How often to look while nothing is there.
    linger_seconds
        How long to wait for company after the first unprocessed record.
    cadence_seconds
        Least time between two events: each costs a run of every DAG in the chain.
    refire_seconds
        Fire again for the same end when processing has not moved for this long.
    kafka_config_id
        Airflow connection of the brokers.
    watch_seconds
        How often to watch the whole flow as well, see ``include.orchestration.flow_watch``; 0: not at all.
    """

    def __init__(
        self,
        topic: str,
        lake: str,
        cursor: str = "accepted",
        poll_seconds: float = 0.1,
        linger_seconds: float = 0.15,
        cadence_seconds: float = 1.0,
        refire_seconds: float = 15.0,
        kafka_config_id: str = "kafka_default",
        watch_seconds: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.topic = topic
        self.lake = lake
        self.cursor = cursor
        self.poll_seconds = poll_seconds
        self.linger_seconds = linger_seconds
        self.cadence_seconds = cadence_seconds
        self.refire_seconds = refire_seconds
        self.kafka_config_id = kafka_config_id
        self.watch_seconds = watch_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, from which a triggerer makes it again."""
        return (
            "plugins.kafka_arrival.KafkaArrivalTrigger",
            {
                "topic": self.topic,
                "lake": self.lake,
                "cursor": self.cursor,
                "poll_seconds": self.poll_seconds,
                "linger_seconds": self.linger_seconds,
                "cadence_seconds": self.cadence_seconds,
                "refire_seconds": self.refire_seconds,
                "kafka_config_id": self.kafka_config_id,
                "watch_seconds": self.watch_seconds,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event for unprocessed records; errors are logged and waited out, never yielded."""
        offsets = _Offsets(self.topic, self.lake, self.cursor)
        wake = WakeUps(self.cadence_seconds, self.refire_seconds)
        backoff = _BACKOFF_FIRST
        watching = asyncio.create_task(self._watch_flow()) if self.watch_seconds else None
        try:
            while True:
                try:
                    if not offsets.connected:
                        await asyncio.to_thread(offsets.connect, await self._config())
                    ends, processed = await asyncio.to_thread(offsets.look)
                    if wake.due(ends, processed, time.monotonic()):
                        await asyncio.sleep(self.linger_seconds)
                        ends, processed = await asyncio.to_thread(offsets.look)
                        wake.fired(ends, time.monotonic())
                        yield TriggerEvent(
                            {
                                "topic": self.topic,
                                "unprocessed": lag(ends, processed),
                                "end_offsets": {str(partition): end for partition, end in ends.items()},
                            }
                        )
                    backoff = _BACKOFF_FIRST
                    await asyncio.sleep(max(self.poll_seconds, wake.rest(time.monotonic())))
                except (asyncio.CancelledError, GeneratorExit):
                    raise
                except Exception as error:
                    log.warning(
                        "cannot look for arrivals on %s, next try in %.1f s: %s", self.topic, backoff, error
                    )
                    offsets.disconnect()
                    await asyncio.sleep(backoff)
                    backoff = min(backoff * 2, _BACKOFF_CAP)
        finally:
            offsets.disconnect()
            if watching is not None:
                watching.cancel()

    async def _watch_flow(self) -> None:
        """Look at the flow again and again; connections are looked up here, for only the loop's thread may ask."""
        from asgiref.sync import sync_to_async

        from include.orchestration.flow_watch import TRIGGERER, Observer, Watchman, find_addresses
        from include.stores.lake.files import Lake

        watchman = None
        while True:
            try:
                if watchman is None:
                    found = Observer(TRIGGERER, Lake(self.lake), await sync_to_async(find_addresses)())
                    watchman = Watchman(lambda made=found: made)  # type: ignore[misc]
                await asyncio.to_thread(watchman.look)
            except Exception as error:
                log.warning("the flow cannot be watched yet: %s", error)
            await asyncio.sleep(self.watch_seconds)

    async def _config(self) -> dict[str, Any]:
        from airflow.providers.apache.kafka.hooks.base import KafkaBaseHook
        from asgiref.sync import sync_to_async

        connection = await sync_to_async(KafkaBaseHook.get_connection)(self.kafka_config_id)
        return broker_settings(connection.extra_dejson, connection.login, connection.password)


class WakeUps:
    """Decides when unprocessed records deserve another event; knows nothing of Kafka."""

    def __init__(self, cadence_seconds: float, refire_seconds: float) -> None:
        self._cadence = cadence_seconds
        self._refire = refire_seconds
        self._fired_ends: Mapping[int, int] = {}
        self._fired_at = float("-inf")

    def due(self, ends: Mapping[int, int], processed: Mapping[int, int], now: float) -> bool:
        """Whether an event is due at ``now`` (seconds, monotonic)."""
        if lag(ends, processed) == 0:
            return False
        waited = now - self._fired_at
        if lag(ends, self._fired_ends) > 0:
            return waited >= self._cadence
        # All of it has been told already; if nobody acted, tell again.
        return waited >= self._refire

    def rest(self, now: float) -> float:
        """Seconds in which no event can be due, whatever comes; nobody needs to look meanwhile."""
        return max(0.0, self._fired_at + min(self._cadence, self._refire) - now)

    def fired(self, ends: Mapping[int, int], now: float) -> None:
        """Note that an event told of everything up to ``ends``."""
        self._fired_ends = dict(ends)
        self._fired_at = now


class _Offsets:
    """End offsets from the broker and processed offsets from the lake; every call blocks."""

    def __init__(self, topic: str, lake: str, cursor: str) -> None:
        self._topic = topic
        self._lake_uri = lake
        self._cursor = cursor
        self._offsets: Any = None
        self._ledger: Any = None

    @property
    def connected(self) -> bool:
        return self._offsets is not None

    def connect(self, config: Mapping[str, Any]) -> None:
        from include.stores.lake.files import Lake
        from include.stores.lake.ledger import BatchLedger
        from include.transactions.offsets import TopicOffsets

        self._ledger = BatchLedger(Lake(self._lake_uri))
        self._offsets = TopicOffsets(config, self._topic)

    def look(self) -> tuple[dict[int, int], dict[int, int]]:
        processed = self._ledger.processed_offsets(self._cursor)
        return self._offsets.ends(processed), processed

    def disconnect(self) -> None:
        offsets, self._offsets = self._offsets, None
        if offsets is not None:
            offsets.close()
