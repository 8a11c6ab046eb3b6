"""Reads a topic from one place to another, for those who keep their own place (and no consumer group).

(Adapter: uses confluent-kafka, like ``producer`` and ``topics``.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from include.transactions.errors import TopicsUnavailable

_WAIT_SECONDS = 30.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_between(
    config: Mapping[str, Any], topic: str, start: Mapping[int, int], ends: Mapping[int, int]
) -> Iterator[Message]:
    """Committed records of a topic, in order within each partition.

    Parameters
    ----------
    config
        librdkafka settings of the brokers.
    start
        First offset by partition; a partition not in it is read from its beginning. Where retention has
        deleted the offset, reading begins at the oldest record there is.
    ends
        Offset by partition before which reading stops.

    Raises
    ------
    TopicsUnavailable
        The brokers fell silent, or said why they give no records.
    """
    places = {
        partition: TopicPartition(topic, partition, start.get(partition, 0))
        for partition, end in ends.items()
        if start.get(partition, 0) < end
    }
    if not places:
        return
    consumer = Consumer(
        {
            **config,
            "group.id": f"{topic}-reader",  # asked for by the client; nothing is committed to it
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 10,  # the end of a partition is told after this
        }
    )
    try:
        consumer.assign(list(places.values()))
        while places:
            message = consumer.poll(_WAIT_SECONDS)
            if message is None:
                raise TopicsUnavailable(
                    f"expected the records of {topic} within {_WAIT_SECONDS:.0f} s, got nothing; check that the "
                    "broker is up"
                )
            partition, offset = message.partition(), message.offset()
            error = message.error()
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                raise TopicsUnavailable(
                    f"expected the records of {topic}, got: {error}; check the brokers' log"
                )
            if error is None and offset < ends[partition] and partition in places:
                yield message
            # A marker of a transaction, or what compaction took away, has an offset and no record.
            if error is not None or offset >= ends[partition] - 1:
                places.pop(partition, None)
    finally:
        consumer.close()


def oldest_arrival(config: Mapping[str, Any], topic: str, places: Mapping[int, int]) -> datetime | None:
    """The broker's time of the oldest of the records that stand at these places, UTC; None if there are none.

    Parameters
    ----------
    places
        Offset by partition, before the partition's end. What retention has deleted is left out, and so is a marker
        of a transaction.

    Raises
    ------
    TopicsUnavailable
        See ``read_between``.
    """
    stops = {partition: offset + 1 for partition, offset in places.items()}
    times = [message.timestamp()[1] for message in read_between(config, topic, places, stops)]
    return _EPOCH + timedelta(milliseconds=min(times)) if times else None
