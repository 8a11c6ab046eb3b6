"""Topic settings: what is asked for, what counts as different, what is created."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import ConfigResource, NewTopic

from include.transactions.errors import TopicMismatch, TopicsUnavailable
from include.transactions.topics import TopicSpec, ensure_topics, mismatch, topic_specs

TRANSACTIONS, DEAD_LETTER, LABELS = topic_specs()


class Broker:
    """As much of an AdminClient as ``ensure_topics`` uses, with topics in a dict."""

    def __init__(self, faster_rival: bool = False) -> None:
        self.topics: dict[str, tuple[int, dict[str, str]]] = {}
        self.faster_rival = faster_rival

    def list_topics(self, timeout: float) -> Any:
        found = {
            name: SimpleNamespace(partitions=dict.fromkeys(range(n))) for name, (n, _) in self.topics.items()
        }
        return SimpleNamespace(topics=found)

    def describe_configs(self, resources: Sequence[ConfigResource], request_timeout: float) -> dict[Any, Any]:
        answers = {}
        for resource in resources:
            config = self.topics[resource.name][1]
            answer: Future[Any] = Future()
            answer.set_result({name: SimpleNamespace(value=value) for name, value in config.items()})
            answers[resource] = answer
        return answers

    def create_topics(self, topics: Sequence[NewTopic], request_timeout: float) -> dict[str, Any]:
        answers = {}
        for topic in topics:
            answer: Future[Any] = Future()
            if self.faster_rival:
                answer.set_exception(KafkaException(KafkaError(KafkaError.TOPIC_ALREADY_EXISTS)))
            elif topic.num_partitions > 100:
                answer.set_exception(KafkaException(KafkaError(KafkaError.INVALID_PARTITIONS)))
            else:
                self.topics[topic.topic] = (topic.num_partitions, dict(topic.config))
                answer.set_result(None)
            answers[topic.topic] = answer
        return answers


def test_what_is_asked_for() -> None:
    assert TRANSACTIONS.partitions == 6
    assert TRANSACTIONS.config()["retention.ms"] == str(30 * 86_400_000)
    assert TRANSACTIONS.config()["message.timestamp.type"] == "LogAppendTime"
    assert DEAD_LETTER.name == "transactions.dead-letter"
    assert DEAD_LETTER.config()["retention.ms"] == str(90 * 86_400_000)
    assert LABELS.config()["cleanup.policy"] == "compact,delete"


def test_create_once_then_check() -> None:
    broker = Broker()
    assert ensure_topics("b:1", topic_specs(), admin=broker) == [spec.name for spec in topic_specs()]
    assert ensure_topics("b:1", topic_specs(), admin=broker) == []


def test_another_process_may_be_faster() -> None:
    assert ensure_topics("b:1", topic_specs(), admin=Broker(faster_rival=True)) == []


def test_a_difference_is_named_and_nothing_is_created() -> None:
    broker = Broker()
    broker.topics["transactions"] = (6, {**TRANSACTIONS.config(), "retention.ms": "1000"})
    with pytest.raises(TopicMismatch) as caught:
        ensure_topics("b:1", topic_specs(), admin=broker)
    error = caught.value
    assert (error.topic, error.setting, error.found) == ("transactions", "retention.ms", "1000")
    assert error.expected == str(30 * 86_400_000)
    assert error.fix == (
        "kafka-configs.sh --bootstrap-server b:1 --alter --entity-type topics --entity-name transactions"
        f" --add-config retention.ms={30 * 86_400_000}"
    )
    assert all(
        part in str(error) for part in (error.topic, error.setting, error.expected, error.found, error.fix)
    )
    assert list(broker.topics) == ["transactions"]


def test_partitions() -> None:
    fewer = mismatch("b:1", TRANSACTIONS, 3, TRANSACTIONS.config())
    more = mismatch("b:1", TRANSACTIONS, 12, TRANSACTIONS.config())
    assert fewer is not None
    assert fewer.fix.endswith("--alter --topic transactions --partitions 6")
    assert more is not None
    assert "to 12" in more.fix


def test_the_order_of_a_list_is_no_difference() -> None:
    assert mismatch("b:1", LABELS, 6, {**LABELS.config(), "cleanup.policy": "delete,compact"}) is None
    differs = mismatch("b:1", LABELS, 6, {**LABELS.config(), "cleanup.policy": "delete"})
    assert differs is not None
    assert differs.fix.endswith("--add-config cleanup.policy=[compact,delete]")


def test_a_refusal_says_which_topic() -> None:
    spec = TopicSpec("transactions", 1000, TRANSACTIONS.retention)
    with pytest.raises(TopicsUnavailable, match="'transactions' at b:1"):
        ensure_topics("b:1", [spec], admin=Broker())
