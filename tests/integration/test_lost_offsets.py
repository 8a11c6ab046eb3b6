"""A consumer that falls behind what Kafka keeps: counted to the offset, told, and the stream goes on."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from include.governance.audit import AuditChain
from include.governance.incidents import find_incident
from include.pipeline.labelling import LabelJob
from include.pipeline.loss_record import note_extent
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, accepted_file
from include.stores.lake.names import LABELS
from include.stores.memory.labels import MemoryLabelStore
from include.transactions.dead_letters import KafkaDeadLetters
from include.transactions.label_records import read_labels
from include.transactions.labels import LabelEvent, encode_label
from include.transactions.offsets import TopicOffsets
from tests.conftest import KafkaServer
from tests.integration.conftest import MakeJob
from tests.integration.records import sound_records

pytestmark = [pytest.mark.servers, pytest.mark.timeout(240)]


def delete_before(kafka: KafkaServer, topic: str, before: dict[int, int]) -> None:
    """What retention does, at once."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    wanted = admin.delete_records([TopicPartition(topic, *place) for place in before.items()])
    for one in wanted.values():
        one.result(10)


def ends_of(kafka: KafkaServer, topic: str) -> dict[int, int]:
    with TopicOffsets({"bootstrap.servers": kafka.bootstrap}, topic) as offsets:
        return dict(offsets.extent().ends)


def test_what_retention_took_is_counted_to_the_offset_and_the_stream_goes_on(
    lake: Lake, job: MakeJob, kafka: KafkaServer, topics: dict[str, str]
) -> None:
    topic, ledger = topics["transactions"], BatchLedger(lake)
    kafka.send(topic, sound_records(30))
    assert job().run() == [0]
    reached = ledger.processed_offsets()
    kafka.send(topic, sound_records(60))
    ends = ends_of(kafka, topic)
    partition = max(ends, key=lambda one: ends[one] - reached[one])
    gone = ends[partition] - reached[partition] - 2
    delete_before(kafka, topic, {partition: reached[partition] + gone})
    kafka.send(topic, sound_records(10))

    assert job().run() == [1, 2]
    totals = ledger.cursor(Stage.ACCEPTED).totals
    assert totals["lost"] == gone
    assert totals["accepted"] + totals["lost"] == 100
    manifest = ledger.manifest(Stage.ACCEPTED, 1) or {}
    (lost,) = manifest["lost"]
    assert (lost["partition"], lost["first"], lost["until"]) == (
        partition,
        reached[partition],
        reached[partition] + gone,
    )
    assert lake.read_table(accepted_file(1)).num_rows == 0
    incident = find_incident(lake, "lost-accepted-0000000001")
    assert incident is not None
    assert incident.is_open
    assert f"offsets {reached[partition]} to {reached[partition] + gone - 1}" in incident.words
    (record,) = [one for one in AuditChain(lake, "actions").records() if one.kind == "offsets lost"]
    assert record.content["count"] == gone
    assert job().run() == []


def test_a_whole_topic_that_was_deleted_unread_is_counted_without_a_new_record(
    lake: Lake, job: MakeJob, kafka: KafkaServer, topics: dict[str, str]
) -> None:
    topic, ledger = topics["transactions"], BatchLedger(lake)
    kafka.send(topic, sound_records(30))
    job().run()
    kafka.send(topic, sound_records(30))
    delete_before(kafka, topic, ends_of(kafka, topic))
    with TopicOffsets({"bootstrap.servers": kafka.bootstrap}, topic) as offsets:
        assert offsets.ends(ledger.processed_offsets()) != ledger.processed_offsets()  # so the trigger wakes
    assert job().run() == [1]
    assert ledger.cursor(Stage.ACCEPTED).totals["lost"] == 30


def test_a_topic_made_again_is_read_from_its_beginning_and_what_was_open_is_lost(
    lake: Lake, job: MakeJob, kafka: KafkaServer, topics: dict[str, str]
) -> None:
    topic, ledger, config = topics["transactions"], BatchLedger(lake), {"bootstrap.servers": kafka.bootstrap}
    kafka.send(topic, sound_records(30))
    job().run()
    kafka.send(topic, sound_records(6))
    with TopicOffsets(config, topic) as offsets:
        note_extent(lake, Stage.ACCEPTED, offsets.extent())
        first = offsets.identity()
    admin = AdminClient(config)
    admin.delete_topics([topic])[topic].result(30)
    settings = {"message.timestamp.type": "LogAppendTime"}
    deadline = time.monotonic() + 30
    while True:
        try:
            admin.create_topics([NewTopic(topic, 3, 1, config=settings)])[topic].result(30)
            break
        except Exception:
            assert time.monotonic() < deadline, "expected to make the topic again within 30 s"
            time.sleep(0.5)
    # More than before, so that the offsets alone would not tell.
    kafka.send(topic, sound_records(90))
    assert job().run()[0] == 1
    totals = ledger.cursor(Stage.ACCEPTED).totals
    assert (totals["accepted"], totals["lost"]) == (120, 6)
    position = ledger.cursor(Stage.ACCEPTED).positions
    assert position["topic"] != first
    assert ledger.processed_offsets() == ends_of(kafka, topic)


def test_lost_labels_are_counted_too(lake: Lake, kafka: KafkaServer, topics: dict[str, str]) -> None:
    config, topic = {"bootstrap.servers": kafka.bootstrap}, topics["labels"]
    labels = [
        LabelEvent(uuid.uuid4().hex, f"A{n}", True, "CHARGEBACK", datetime.now(UTC) - timedelta(days=1))
        for n in range(40)
    ]
    made = LabelJob(
        lambda start, ends: read_labels(config, topic, start, ends),
        lambda ids: {},
        lake,
        MemoryLabelStore(),
        KafkaDeadLetters(config, topics["dead_letter"], topic),
    )

    def run() -> list[int]:
        with TopicOffsets(config, topic) as offsets:
            extent = offsets.extent()
        return replace(made).run(extent.readable_ends, extent)

    kafka.send(topic, [encode_label(label) for label in labels[:20]])
    run()
    kafka.send(topic, [encode_label(label) for label in labels[20:]])
    delete_before(kafka, topic, ends_of(kafka, topic))
    assert run() == [1]
    totals = BatchLedger(lake).cursor(LABELS).totals
    assert (totals["accepted"], totals["lost"]) == (20, 20)
    assert run() == []
