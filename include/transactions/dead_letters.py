"""The dead-letter topic: refused records with their bytes, their place and every reason, exactly once.

(Adapter: uses confluent-kafka, like ``producer`` and ``topics``.)

A batch's records are one Kafka transaction. A second try of the batch first fences the first try's
producer, then reads the topic's tail since the batch before and leaves out what is there already.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any

import pyarrow as pa
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from include.transactions.errors import DeliveryFailed
from include.transactions.offsets import TopicOffsets

_WAIT_SECONDS = 30.0


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

    def send(self, dead: pa.Table, batch: int, tail: Mapping[str, int] | None) -> dict[str, int]:
        """Send the dead records of a batch; see ``include.stores.ports.DeadLetterQueue``.

        Idempotent: a record is known by its source partition and offset.

        Raises
        ------
        DeliveryFailed
            When the brokers did not take the records; none of them is visible then.
        """
        if not dead.num_rows:
            return dict(tail or {})
        self.connect()
        producer, offsets = self._producer, self._offsets
        try:
            there = set() if _ends(offsets) == dict(tail or {}) else self.since(tail or {})
            producer.begin_transaction()
            for row in dead.to_pylist():
                if (row["kafka_partition"], row["kafka_offset"]) not in there:
                    self._produce(producer, row, batch)
            producer.commit_transaction(_WAIT_SECONDS)
            return _ends(offsets)
        except KafkaException as error:
            self._producer = None
            raise DeliveryFailed(
                f"expected topic {self._topic} to take {dead.num_rows} dead letters of batch {batch}, got: {error}; "
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
                    "transactional.id": f"{self._topic}-writer",
                    "compression.type": "zstd",
                    "message.max.bytes": 20_000_000,
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

    def _produce(self, producer: Producer, row: Mapping[str, Any], batch: int) -> None:
        producer.produce(
            self._topic,
            key=row["raw_key"],
            value=row["raw_value"],
            headers={
                "source.topic": self._source,
                "source.partition": str(row["kafka_partition"]),
                "source.offset": str(row["kafka_offset"]),
                "source.timestamp": row["arrived_at"].isoformat(),
                "batch": str(batch),
                "reasons": json.dumps(row["errors"]),
            },
        )
        producer.poll(0)

    def since(self, tail: Mapping[str, int]) -> set[tuple[int, int]]:
        """Source (partition, offset) of the records after ``tail``.

        Parameters
        ----------
        tail
            Offset by partition, as ``send`` returns it; a partition not in it is read from its beginning.
        """
        consumer = Consumer(
            {
                **self._config,
                "group.id": f"{self._topic}-tail",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 10,  # the end of a partition is told after this
            }
        )
        try:
            metadata = consumer.list_topics(self._topic, _WAIT_SECONDS).topics[self._topic]
            places = []
            for partition in metadata.partitions:
                low, high = consumer.get_watermark_offsets(
                    TopicPartition(self._topic, partition), _WAIT_SECONDS
                )
                start = max(low, tail.get(str(partition), low))
                if start < high:
                    places.append(TopicPartition(self._topic, partition, start))
            return set(self._read(consumer, places)) if places else set()
        finally:
            consumer.close()

    @staticmethod
    def _read(consumer: Consumer, places: list[TopicPartition]) -> Iterator[tuple[int, int]]:
        consumer.assign(places)
        finished = 0
        while finished < len(places):
            message = consumer.poll(_WAIT_SECONDS)
            if message is None:
                raise DeliveryFailed(
                    f"expected to read the dead letters' tail within {_WAIT_SECONDS:.0f} s, got nothing; "
                    "check that the broker is up"
                )
            if message.error():
                finished += 1  # the end of a partition
                continue
            headers = dict(message.headers() or [])
            yield int(headers["source.partition"]), int(headers["source.offset"])


def _ends(offsets: TopicOffsets) -> dict[str, int]:
    return {str(partition): end for partition, end in offsets.committed_ends().items()}
