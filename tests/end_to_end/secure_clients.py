"""Clients of the secure profile's servers, as its test needs them."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from include.local.airflow_environment import address
from include.local.clients import KafkaUser, http_context, kafka_client
from include.local.secrets import load_secrets
from include.settings import Settings

REFUSED = KafkaError.TOPIC_AUTHORIZATION_FAILED


def person(now: Settings, user: str) -> httpx.Client:
    """A browser after the sign-in."""
    here, trusted = address(now), http_context(now)
    assert trusted is not None
    login = {"username": user, "password": getattr(load_secrets(now.stack_dir), user)}
    session = httpx.post(f"{here}/auth/token", json=login, timeout=30, verify=trusted).json()["access_token"]
    client = httpx.Client(
        base_url=here, headers={"origin": here, "sec-fetch-site": "same-origin"}, timeout=30, verify=trusted
    )
    client.cookies.set("_token", session)
    return client


def errors_of(config: dict[str, Any]) -> set[int]:
    """Codes of what a client is told while it tries to reach the broker, for 4 s at most."""
    codes: set[int] = set()
    client = AdminClient({**config, "error_cb": lambda error: codes.add(error.code()), "log_level": 0})
    with pytest.raises(KafkaException):
        client.list_topics(timeout=4)
    client.poll(0)
    return codes


def read(now: Settings, user: KafkaUser, topic: str, group: str) -> Any:
    """What a user gets from a topic: a record, or that the topic is none of its business."""
    config = {"group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest", "log_level": 0}
    consumer = Consumer({**kafka_client(now, user), **config})
    try:
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(now.topic_partitions)])
        end = time.monotonic() + 30
        while time.monotonic() < end:
            message = consumer.poll(1)
            if message is not None and message.error() is None:
                return message.value()
            if (
                message is not None and message.error().code() == REFUSED
            ):  # it may be told of the group before
                return REFUSED
        raise AssertionError(f"waited 30 s for {topic} to be given to {user} or refused")
    finally:
        consumer.close()


def write(now: Settings, user: KafkaUser, topic: str) -> int | None:
    """Error of writing, if it is one."""
    told: list[Any] = []
    producer = Producer({**kafka_client(now, user), "log_level": 0})
    producer.produce(topic, b"{}", b"a test", on_delivery=lambda error, _: told.append(error))
    assert producer.flush(30) == 0
    return None if told[0] is None else int(told[0].code())
