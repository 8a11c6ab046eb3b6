"""The Kafka topics and their settings (adapter: this module and ``producer`` use confluent-kafka)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from include.transactions.errors import TopicMismatch, TopicsUnavailable

_TIMEOUT_SECONDS = 30.0

#: Largest record, as it is sent, that the brokers take. Far more than the contract allows, so that a source that sends
#: too much is seen among the dead letters; those have their headers besides, and may be packed less well.
MAX_RECORD_BYTES = 16 * 2**20
MAX_DEAD_LETTER_BYTES = 4 * MAX_RECORD_BYTES


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it has to be.

    Attributes
    ----------
    cleanup_policy
        ``delete``, ``compact`` or ``compact,delete``.
    replication_factor
        -1 for the broker's default; never checked on an existing topic.
    settings
        Further topic settings, by Kafka's names.
    """

    name: str
    partitions: int
    retention: timedelta
    cleanup_policy: str = "delete"
    replication_factor: int = -1
    settings: Mapping[str, str] = field(default_factory=dict)

    def config(self) -> dict[str, str]:
        """All topic settings that are created and checked."""
        return {
            "cleanup.policy": self.cleanup_policy,
            "retention.ms": str(int(self.retention.total_seconds() * 1000)),
            **self.settings,
        }


def topic_specs(
    *,
    transactions: str = "transactions",
    dead_letter: str = "transactions.dead-letter",
    labels: str = "fraud-labels",
    partitions: int = 6,
    retention: timedelta = timedelta(days=30),
    replication_factor: int = -1,
) -> tuple[TopicSpec, TopicSpec, TopicSpec]:
    """Build the specifications of the project's three topics.

    * ``transactions`` carries the broker's time of arrival, because the contract judges ``occurred_at``
      by it; ``retention`` is the contract's as well.
    * The dead letters live three months: long enough to mend a source and send them again.
    * ``fraud-labels`` is compacted, since the newest label about a transaction replaces the older ones and
      a lake that has to be rebuilt needs that one; and deleted after 400 days, since nothing trains on older
      history and personal data are not kept without a purpose. A label is safe from compaction for 7 days, so
      that a reader which was down meanwhile still sees each opinion (analyst, then charge-back) in turn.
    """
    arrival_time = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(MAX_RECORD_BYTES)}
    larger = {**arrival_time, "max.message.bytes": str(MAX_DEAD_LETTER_BYTES)}
    return (
        TopicSpec(transactions, partitions, retention, "delete", replication_factor, arrival_time),
        TopicSpec(dead_letter, partitions, timedelta(days=90), "delete", replication_factor, larger),
        TopicSpec(
            labels,
            partitions,
            timedelta(days=400),
            "compact,delete",
            replication_factor,
            {**arrival_time, "min.compaction.lag.ms": str(7 * 86_400_000)},
        ),
    )


def mismatch(
    bootstrap: str, spec: TopicSpec, partitions: int, config: Mapping[str, str]
) -> TopicMismatch | None:
    """Compare a topic with its specification and return the first difference, not raised.

    Parameters
    ----------
    partitions, config
        What the topic has; ``config`` by Kafka's names.
    """
    if partitions != spec.partitions:
        fix = (
            f"kafka-topics.sh --bootstrap-server {bootstrap} --alter --topic {spec.name}"
            f" --partitions {spec.partitions}"
            if partitions < spec.partitions
            else f"set partitions to {partitions} in the settings (Kafka cannot take partitions away)"
        )
        return TopicMismatch(spec.name, "partitions", str(spec.partitions), str(partitions), fix)
    for name, expected in spec.config().items():
        found = config.get(name, "unset")
        if set(found.split(",")) != set(expected.split(",")):
            value = f"[{expected}]" if "," in expected else expected
            fix = (
                f"kafka-configs.sh --bootstrap-server {bootstrap} --alter --entity-type topics"
                f" --entity-name {spec.name} --add-config {name}={value}"
            )
            return TopicMismatch(spec.name, name, expected, found, fix)
    return None


def ensure_topics(bootstrap: str, specs: Sequence[TopicSpec], *, admin: Any = None) -> list[str]:
    """Create the topics that are missing and check those that exist.

    Doing it again, or from two processes at once, changes nothing.

    Parameters
    ----------
    bootstrap
        ``host:port`` list of brokers.
    admin
        A confluent-kafka ``AdminClient``; one is made from ``bootstrap`` if left out.

    Returns
    -------
    list of str
        Names of the topics this call created.

    Raises
    ------
    TopicMismatch
        An existing topic differs; nothing is altered, since altering can lose data.
    TopicsUnavailable
        The brokers do not answer or refuse.
    """
    if admin is None:  # a client has a length, of what it still has to send, so an idle one is no truth
        admin = AdminClient({"bootstrap.servers": bootstrap, "socket.timeout.ms": 10_000})
    try:
        existing = admin.list_topics(timeout=_TIMEOUT_SECONDS).topics
    except KafkaException as error:
        raise TopicsUnavailable(
            f"expected Kafka at {bootstrap}, got {error.args[0]};"
            " check that the brokers run and the address is right"
        ) from error
    for spec in specs:
        if spec.name in existing:
            _check(admin, bootstrap, spec, len(existing[spec.name].partitions))
    return _create(admin, bootstrap, [spec for spec in specs if spec.name not in existing])


def _check(admin: Any, bootstrap: str, spec: TopicSpec, partitions: int) -> None:
    resource = ConfigResource(ResourceType.TOPIC, spec.name)
    try:
        future = admin.describe_configs([resource], request_timeout=_TIMEOUT_SECONDS)[resource]
        entries = future.result(timeout=_TIMEOUT_SECONDS)
    except (KafkaException, TimeoutError) as error:
        raise TopicsUnavailable(
            f"expected the settings of topic {spec.name!r} from {bootstrap}, got {error};"
            " check the broker's log and the right to DescribeConfigs"
        ) from error
    difference = mismatch(bootstrap, spec, partitions, {name: entry.value for name, entry in entries.items()})
    if difference is not None:
        raise difference


def _create(admin: Any, bootstrap: str, specs: Sequence[TopicSpec]) -> list[str]:
    if not specs:
        return []
    new = [
        NewTopic(
            s.name, num_partitions=s.partitions, replication_factor=s.replication_factor, config=s.config()
        )
        for s in specs
    ]
    created = []
    for name, future in admin.create_topics(new, request_timeout=_TIMEOUT_SECONDS).items():
        try:
            future.result(timeout=_TIMEOUT_SECONDS)
        except (KafkaException, TimeoutError) as error:
            code = error.args[0].code() if isinstance(error, KafkaException) else None
            if code == KafkaError.TOPIC_ALREADY_EXISTS:  # another process was faster
                continue
            raise TopicsUnavailable(
                f"expected to create topic {name!r} at {bootstrap}, got {error};"
                " check the broker's log, the replication factor and the right to create topics"
            ) from error
        created.append(name)
    return created
