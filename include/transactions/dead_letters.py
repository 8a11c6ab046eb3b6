"""The dead-letter topic: refused records with their bytes, their place and every reason, exactly once.

(Adapter: uses confluent-kafka, like ``producer`` and ``topics``.)

A batch's records are one Kafka transaction. A second try of the batch first fences the first try's
producer, then reads the topic's tail since the batch before and leaves out what is there already.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from threading import Lock
from typing import Any

import pyarrow as pa
from confluent_kafka import KafkaException, Producer

from include.transactions.dead_letter_box import letter_of
from include.transactions.errors import DeliveryFailed
from include.transactions.offsets import TopicOffsets
from include.transactions.reading import read_between
from include.transactions.topics import MAX_DEAD_LETTER_BYTES

_WAIT_SECONDS = 30.0
#: What the client holds that the brokers have not confirmed; and rows turned into Python's objects at a time.
_WAITING_BYTES, _ROWS = 64 * 2**20, 8


class KafkaDeadLetters:
    """The dead-letter queue on Kafka.

    Parameters
    ----------
    config
        librdkafka settings of the brokers (``bootstrap.servers``, security).
    topic
        The dead-letter topic; it must exist.
    source_topic
        Where the records came from; told in their headers.
    """

    def __init__(self, config: Mapping[str, Any], topic: str, source_topic: str) -> None:
        self._config = dict(config)
        self._topic = topic
        self._source = source_topic
        self._connecting = Lock()
        self._producer: Any = None
        self._offsets: Any = None

    def send(
        self, dead: pa.Table | Iterable[pa.Table], batch: int, tail: Mapping[str, int] | None
    ) -> dict[str, int]:
        """Send the dead records of a batch; see ``include.stores.ports.DeadLetterQueue``.

        Idempotent: a record is known by its source partition and offset.

        Raises
        ------
        DeliveryFailed
            When the brokers did not take the records; none of them is visible then.
        """
        pieces = filter(len, [dead] if isinstance(dead, pa.Table) else dead)
        if (first := next(pieces, None)) is None:
            return dict(tail or {})
        self.connect()
        producer, places = self._producer, _Places(tail or {})
        try:
            there = self._sent_by_an_earlier_try(tail or {})
            producer.begin_transaction()
            waiting = 0
            for row in chain.from_iterable(map(_rows, chain([first], pieces))):
                if (row["kafka_partition"], row["kafka_offset"]) in there:
                    continue
                self._produce(producer, row, batch, places)
                waiting += len(row["raw_key"] or b"") + len(row["raw_value"] or b"")
                if waiting > _WAITING_BYTES:
                    producer.flush(_WAIT_SECONDS)
                    waiting = 0
            producer.flush(_WAIT_SECONDS)
            producer.commit_transaction(_WAIT_SECONDS)
            return places.after
        except KafkaException as error:
            self._producer = None
            raise DeliveryFailed(
                f"expected topic {self._topic} to take the dead letters of batch {batch}, got: {error}; "
                "the batch will be tried again, nothing is lost"
            ) from error

    def connect(self) -> None:
        """Make the producer and fence the one before it; see ``include.stores.ports.DeadLetterQueue``.

        Raises
        ------
        DeliveryFailed
            When the brokers do not answer.
        """
        with self._connecting:
            if self._producer is not None:
                return
            producer = Producer(
                {
                    **self._config,
                    # One for each source: two under one name would shut each other out.
                    "transactional.id": f"{self._topic}-from-{self._source}",
                    "compression.type": "zstd",
                    # Packed they are much smaller, and then the topic's limit counts.
                    "message.max.bytes": 10 * MAX_DEAD_LETTER_BYTES,
                }
            )
            try:
                # Asked before it is connected, a client looks for its coordinator again half a second later.
                producer.list_topics(self._topic, _WAIT_SECONDS)
                producer.poll(0.05)
                producer.init_transactions(_WAIT_SECONDS)
                self._offsets = TopicOffsets(self._config, self._topic)
            except KafkaException as error:
                raise DeliveryFailed(
                    f"expected the brokers to take a producer for topic {self._topic}, got: {error}; check that "
                    "they are up. The batch will be tried again, nothing is lost"
                ) from error
            self._producer = producer

    def ends(self) -> dict[str, int]:
        """Where each partition of the topic ends for those who read committed records only."""
        with TopicOffsets(self._config, self._topic) as offsets:
            return _ends(offsets)

    def _sent_by_an_earlier_try(self, tail: Mapping[str, int]) -> set[tuple[int, int]]:
        """What stands after ``tail``, read only if there can be something.

        One offset after the tail is the marker that ended the transaction before. An earlier try, which was
        fenced and so is over, has added a record and a marker of its own.
        """
        ends = _ends(self._offsets)
        if all(end - tail.get(partition, 0) <= 1 for partition, end in ends.items()):
            return set()
        return self._between(tail, ends)

    def _produce(self, producer: Producer, row: Mapping[str, Any], batch: int, places: _Places) -> None:
        headers = {
            "source.topic": self._source,
            "source.partition": str(row["kafka_partition"]),
            "source.offset": str(row["kafka_offset"]),
            "source.timestamp": row["arrived_at"].isoformat(),
            "batch": str(batch),
            "reasons": json.dumps(row["errors"]),
        }
        record = {"key": row["raw_key"], "value": row["raw_value"], "headers": headers}
        try:
            producer.produce(self._topic, **record, on_delivery=places.note)
        except BufferError:
            # More are on their way than the client holds, by number or by bytes: wait until they are there.
            left = producer.flush(_WAIT_SECONDS)
            try:
                producer.produce(self._topic, **record, on_delivery=places.note)
            except BufferError as error:
                self._producer = None
                raise DeliveryFailed(
                    f"expected topic {self._topic} to take the dead letters of batch {batch} within "
                    f"{_WAIT_SECONDS:.0f} s, {left} are still on their way; check that the brokers are up. The batch "
                    "will be tried again, nothing is lost"
                ) from error
        producer.poll(0)

    def since(self, tail: Mapping[str, int]) -> set[tuple[int, int]]:
        """(Partition, offset) of the source's records that stand in the topic after ``tail``.

        Parameters
        ----------
        tail
            Offset by partition, as ``send`` returns it; a partition not in it is read from its beginning.
        """
        return self._between(tail, self.ends())

    def _between(self, tail: Mapping[str, int], ends: Mapping[str, int]) -> set[tuple[int, int]]:
        places = [
            {int(partition): offset for partition, offset in by_name.items()} for by_name in (tail, ends)
        ]
        found = set()
        for message in read_between(self._config, self._topic, *places):
            letter = letter_of(message)
            if letter.source_topic == self._source:
                found.add((letter.source_place.partition, letter.source_place.offset))
        return found


def _rows(dead: pa.Table) -> Iterator[dict[str, Any]]:
    """Rows as Python has them, few at a time: their bytes may be many."""
    for few in dead.to_batches(max_chunksize=_ROWS):
        yield from few.to_pylist()


class _Places:
    """Where the records of a send came to stand: the tail for the next one."""

    def __init__(self, tail: Mapping[str, int]) -> None:
        self.after = dict(tail)

    def note(self, error: Any, message: Any) -> None:
        """Called by the client for each record; what failed fails the commit."""
        if error is None:
            partition = str(message.partition())
            self.after[partition] = max(self.after.get(partition, 0), message.offset() + 1)


def _ends(offsets: TopicOffsets) -> dict[str, int]:
    return {str(partition): end for partition, end in offsets.committed_ends().items()}
