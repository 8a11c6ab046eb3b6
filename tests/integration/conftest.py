"""The streaming job on topics and a lake of one test alone, with the memory of accepted ids in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from include.settings import Settings
from include.spark.process_batch import ProcessJob
from include.stores.lake.files import Lake
from include.stores.memory.state import MemorySeenStore
from include.transactions.dead_letters import KafkaDeadLetters
from tests.conftest import KafkaServer

#: Makes a job; ``seen`` replaces the memory, other arguments are settings of the stream.
MakeJob = Callable[..., ProcessJob]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path.as_uri())


@pytest.fixture
def job(
    lake: Lake, spark: Any, kafka: KafkaServer, topics: dict[str, str], stack_settings: Settings
) -> MakeJob:
    config, memory = {"bootstrap.servers": kafka.bootstrap}, MemorySeenStore()

    def make(seen: Callable[[], Any] = lambda: memory, **stream: Any) -> ProcessJob:
        now = stack_settings.model_copy(
            update={
                "topics": stack_settings.topics.model_copy(update=dict(topics)),
                "stream": stack_settings.stream.model_copy(update=stream),
            }
        )
        dead = KafkaDeadLetters(config, topics["dead_letter"], topics["transactions"])
        return ProcessJob(spark, config, lake, seen, dead, now)

    return make
