"""New settings of the brokers' connection hold from the next run on; Spark need not be restarted for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.conftest import KafkaServer
from tests.integration.conftest import MakeJob
from tests.integration.records import sound_records

pytestmark = [pytest.mark.servers, pytest.mark.timeout(240)]


def test_a_run_after_the_connection_was_changed_reads_on(
    job: MakeJob, kafka: KafkaServer, topics: dict[str, str]
) -> None:
    for batch, more in enumerate(({}, {"security.protocol": "PLAINTEXT"}, {})):
        kafka.send(topics["transactions"], sound_records(20))
        now = job()
        assert replace(now, kafka={**now.kafka, **more}).run() == [batch]
