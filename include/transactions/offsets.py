"""Where a topic begins and ends (adapter: uses confluent-kafka)."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Self

from confluent_kafka import Consumer, IsolationLevel, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from include.settings import SettingsRefused
from include.transactions.errors import TopicsUnavailable
from include.transactions.losses import Extent

#: Where commands find how they are let in.
OPTIONS_VARIABLE = "TIDEWATCH_KAFKA_OPTIONS"

_TIMEOUT_SECONDS = 5.0

#: Settings of a consumer that mean nothing to a producer, an admin client or Spark.
_CONSUMER_ONLY = ("group.id", "enable.auto.commit", "auto.offset.reset")


def broker_settings(
    config: Mapping[str, Any], username: str | None = None, password: str | None = None
) -> dict[str, Any]:
    """What every kind of client needs of a connection's settings: the brokers' address and security.

    Parameters
    ----------
    config
        librdkafka settings, with those of a consumer.
    username, password
        Of a connection that keeps its SASL login where no page shows it.
    """
    login = {"sasl.username": username, "sasl.password": password or ""} if username else {}
    return login | {name: value for name, value in config.items() if name not in _CONSUMER_ONLY}


def client_settings(bootstrap: str) -> dict[str, str]:
    """Settings of a client for a command, which has no Airflow connection.

    What lets it in stands in ``TIDEWATCH_KAFKA_OPTIONS``, a JSON object of librdkafka settings (``sasl.password``,
    …): everybody can read a command line.

    Parameters
    ----------
    bootstrap
        ``host:port`` list of brokers.

    Raises
    ------
    SettingsRefused
        The variable holds something else.
    """
    try:
        given = json.loads(os.environ.get(OPTIONS_VARIABLE) or "{}")
    except ValueError:  # what it holds is not told: it is a secret
        given = None
    if not isinstance(given, dict):
        raise SettingsRefused(
            f"{OPTIONS_VARIABLE}: expected a JSON object of librdkafka settings, got something else; correct or "
            "unset it"
        )
    return {"bootstrap.servers": bootstrap, **given}


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
        self._config, self._topic = dict(config), topic
        # Informational messages, one at each closing, would stand in every task's log.
        self._admin = AdminClient({**config, "log_level": 4})
        found = self._admin.list_topics(topic, 2 * _TIMEOUT_SECONDS).topics[topic]
        if found.error is not None:
            raise TopicsUnavailable(f"expected topic {topic!r}, got: {found.error}; run initialize_stores")
        self._places = [TopicPartition(topic, partition) for partition in sorted(found.partitions)]

    def ends(self, begun: Collection[int] = ()) -> dict[int, int]:
        """End offset of each partition; 0 for an empty one, even if retention has moved its end.

        Parameters
        ----------
        begun
            Partitions that were read from before: if one is empty now, its end counts all the same, for what
            was deleted unread has to be noticed.
        """
        first, last = (self._offsets(spec) for spec in (OffsetSpec.earliest(), OffsetSpec.latest()))
        return {
            partition: end if end > first[partition] or partition in begun else 0
            for partition, end in last.items()
        }

    def beginnings(self) -> dict[int, int]:
        """Offset of the oldest record that retention has left in each partition."""
        return self._offsets(OffsetSpec.earliest())

    def extent(self) -> Extent:
        """Id, beginnings and ends of the topic."""
        return Extent(self.identity(), self.beginnings(), self._offsets(OffsetSpec.latest()))

    def identity(self) -> str:
        """Id of the topic: another one when it was deleted and made again under the same name."""
        asked = self._admin.describe_topics(TopicCollection([self._topic]), request_timeout=_TIMEOUT_SECONDS)
        uuid = asked[self._topic].result(2 * _TIMEOUT_SECONDS).topic_id
        halves = (uuid.get_most_significant_bits(), uuid.get_least_significant_bits())
        return "".join(f"{half & 0xFFFF_FFFF_FFFF_FFFF:016x}" for half in halves)

    def before(self, moment: datetime) -> dict[int, int]:
        """Offset of each partition's first record that came at ``moment`` (aware) or later; its end if none did."""
        found = self._offsets(OffsetSpec.for_timestamp(int(moment.timestamp() * 1000)))
        ends = self.ends()
        return {partition: ends[partition] if at < 0 else at for partition, at in found.items()}

    def written_at(self, partition: int, offset: int) -> datetime | None:
        """When a record, or the first after it that is still there, was appended; None if there is none."""
        consumer = Consumer(
            {
                **self._config,
                "group.id": f"{self._topic}-reader",  # asked for by the client; nothing is committed to it
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
            }
        )
        try:
            consumer.assign([TopicPartition(self._topic, partition, offset)])
            message = consumer.poll(_TIMEOUT_SECONDS)
            if message is None or message.error() is not None:
                return None
            return datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)
        finally:
            consumer.close()

    def committed_ends(self) -> dict[int, int]:
        """End offset of each partition for a reader of committed transactions only."""
        return self._offsets(OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)

    def _offsets(
        self, spec: OffsetSpec, isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED
    ) -> dict[int, int]:
        # One request for all partitions: this is asked many times a second.
        wanted = self._admin.list_offsets(
            dict.fromkeys(self._places, spec), isolation_level=isolation, request_timeout=_TIMEOUT_SECONDS
        )
        return {place.partition: answer.result(_TIMEOUT_SECONDS).offset for place, answer in wanted.items()}

    def close(self) -> None:
        """Let go of the connection."""
        del self._admin

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
