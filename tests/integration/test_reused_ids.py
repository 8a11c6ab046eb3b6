"""An id that comes again with other content, on real Kafka, Spark and Cassandra: refused with its own bytes, once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from include.stores.cassandra.seen import CassandraSeenStore
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, accepted_file
from include.transactions.contract import REUSED_TRANSACTION_ID
from include.transactions.dead_letter_box import DeadLetterBox
from tests.conftest import KafkaServer
from tests.integration.conftest import MakeJob
from tests.integration.records import sound_records

pytestmark = [pytest.mark.servers, pytest.mark.timeout(240)]


def changed(value: bytes, **changes: Any) -> bytes:
    """As somebody may well write it: sound, and byte for byte unlike what we would write."""
    return b" " + json.dumps(json.loads(value) | changes, indent=3).encode() + b"\n"


class Killed(Exception):
    """What a process that dies does not say."""


def test_within_and_across_batches_and_when_a_batch_is_done_again(
    lake: Lake, job: MakeJob, kafka: KafkaServer, topics: dict[str, str], cassandra_session: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    topic, ledger, seen = topics["transactions"], BatchLedger(lake), CassandraSeenStore(cassandra_session)
    box = DeadLetterBox({"bootstrap.servers": kafka.bootstrap}, topics["dead_letter"])
    first = sound_records(30)
    within = [(key, changed(value, amount="77.77")) for key, value in first[:3]]
    repeated = [(key, changed(value)) for key, value in first[3:6]]
    kafka.send(topic, [*first, *within, *repeated])
    assert job(lambda: seen).run() == [0]
    counts = {"read": 36, "accepted": 30, "duplicates": 3, "dead_lettered": 3}
    assert (ledger.manifest(Stage.ACCEPTED, 0) or {})["counts"] == counts

    across = [(key, changed(value, country="CH")) for key, value in first[10:14]]
    mixed = [(first[20][0], b"{"), *sound_records(5), first[21], *across]
    kafka.send(topic, mixed)
    with monkeypatch.context() as killed:
        killed.setattr(BatchLedger, "complete", lambda *_, **__: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            job(lambda: seen).run()
    # Everything but the cursor was written; the batch sees what earlier batches accepted, and not itself.
    assert job(lambda: seen).run() == [1]
    counts = {"read": 11, "accepted": 5, "duplicates": 1, "dead_lettered": 5}
    assert (ledger.manifest(Stage.ACCEPTED, 1) or {})["counts"] == counts
    assert lake.read_table(accepted_file(1)).num_rows == 5

    letters = [letter for letter in box.letters() if letter.reasons == (REUSED_TRANSACTION_ID,)]
    assert sorted((letter.key, letter.value) for letter in letters) == sorted([*within, *across])
    assert sorted(letter.batch for letter in letters) == [0] * 3 + [1] * 4
    assert len({letter.source_place for letter in letters}) == 7
    assert len(list(box.letters())) == 8
