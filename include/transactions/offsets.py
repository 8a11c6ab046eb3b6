"""Where a topic begins and ends (adapter: uses confluent-kafka)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from confluent_kafka import Consumer, TopicPartition

from include.transactions.errors import TopicsUnavailable

_TIMEOUT_SECONDS = 5.0


def lag(ends: Mapping[int, int], processed: Mapping[int, int]) -> int:
    """Records between two positions, over all partitions."""
    # A position before the beginning (Spark's -2) is the beginning.
    return sum(max(0, end - max(0, processed.get(partition, 0))) for partition, end in ends.items())


class TopicOffsets:
    """Looks at the end offsets of one topic; every call blocks for at most a few seconds.

    Parameters
    ----------
    config
        librdkafka settings of the brokers.
    topic
        It must exist.

    Raises
    ------
    TopicsUnavailable
        The topic is not there.
    confluent_kafka.KafkaException
        The brokers do not answer.
    """

    def __init__(self, config: Mapping[str, Any], topic: str) -> None:
        self._topic = topic
        self._consumer = Consumer({**config, "group.id": f"{topic}-offsets", "enable.auto.commit": False})
        try:
            found = self._consumer.list_topics(topic, 2 * _TIMEOUT_SECONDS).topics[topic]
            if found.error is not None:
                raise TopicsUnavailable(
                    f"expected topic {topic!r}, got: {found.error}; run initialize_stores"
                )
        except BaseException:
            self._consumer.close()
            raise
        self._partitions = sorted(found.partitions)

    def ends(self) -> dict[int, int]:
        """End offset of each partition; 0 for an empty one, even if retention has moved its end."""
        ends = {}
        for partition in self._partitions:
            place = TopicPartition(self._topic, partition)
            low, high = self._consumer.get_watermark_offsets(place, timeout=_TIMEOUT_SECONDS)
            ends[partition] = high if high > low else 0
        return ends

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
