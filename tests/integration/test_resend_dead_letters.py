"""The task of resend_dead_letters on real Kafka and Cassandra."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from airflow.sdk.exceptions import AirflowSkipException

from include.governance.audit import AuditChain
from include.orchestration import dead_letters
from include.pipeline.desk_audit import DESK
from include.settings import Settings, Topics, settings
from include.stores.cassandra.resent import CassandraResentStore
from include.stores.cassandra.seen import CassandraSeenStore
from include.stores.lake.files import Lake
from include.transactions.dead_letters import KafkaDeadLetters
from include.transactions.errors import ResendRefused
from include.transactions.offsets import TopicOffsets
from include.transactions.reading import read_between
from include.transactions.resending import check
from include.transactions.resent import Resent, ResentState
from include.transactions.schema import ARRIVAL_SCHEMA
from tests.conftest import KafkaServer
from tests.integration.test_dead_letter_box import wait_for_leaders
from tests.transactions.test_resending import event

pytestmark = pytest.mark.servers


@dataclass(frozen=True)
class Run:
    """What the task knows of its run."""

    triggering_user_name: str = "ann"


@dataclass
class Topic:
    """The topics of a test, and dead letters in them."""

    config: dict[str, str]
    names: dict[str, str]
    tail: dict[str, int]

    def refuse(self, *values: bytes, reason: str = "currency: missing or null") -> None:
        queue = KafkaDeadLetters(self.config, self.names["dead_letter"], self.names["transactions"])
        rows = [
            {
                "kafka_partition": 0,
                "kafka_offset": n + sum(self.tail.values()),
                "arrived_at": datetime.now(UTC),
                "errors": [reason],
                "raw_key": b"A1",
                "raw_value": value,
            }
            for n, value in enumerate(values)
        ]
        table = pa.Table.from_pylist(rows, schema=ARRIVAL_SCHEMA)
        self.tail = queue.send(table, 0, self.tail)

    def sent(self) -> list[dict[str, Any]]:
        with TopicOffsets(self.config, self.names["transactions"]) as offsets:
            ends = offsets.ends()
        records = read_between(self.config, self.names["transactions"], {}, ends)
        return [json.loads(record.value()) for record in records]


@pytest.fixture
def topic(
    kafka: KafkaServer,
    cassandra_session: Any,
    topics: dict[str, str],
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Topic:
    config = {"bootstrap.servers": kafka.bootstrap}
    wait_for_leaders(config, topics)
    now = settings().model_copy(update={"topics": Topics(**topics), "lake_uri": tmp_path.as_uri()})

    @contextmanager
    def session(_connection: str) -> Iterator[Any]:
        yield cassandra_session

    def of_the_test() -> Settings:
        return now

    monkeypatch.setattr(dead_letters, "kafka_config", lambda *_: config)
    monkeypatch.setattr(dead_letters, "cassandra_session", session)
    monkeypatch.setattr(dead_letters, "settings", of_the_test)
    # Places repeat from test to test, for each has topics of its own.
    cassandra_session.execute("TRUNCATE dead_letters_resent", timeout=60)
    return Topic(config, topics, {})


def params(**changes: Any) -> dict[str, Any]:
    return {"places": [], "reason": "", "limit": 1000, "corrections": [], "author": ""} | changes


def broken(n: int) -> tuple[str, bytes]:
    """A transaction under a new id whose currency has another name."""
    name = f"T{n}-{uuid.uuid4()}"
    whole = json.loads(event(transaction_id=name, occurred_at=datetime.now(UTC).isoformat()))
    whole["ccy"] = whole.pop("currency")
    return name, json.dumps(whole).encode()


RENAME = [{"do": "rename", "field": "ccy", "to": "currency"}]


def test_those_with_a_reason_are_corrected_and_sent_once(topic: Topic, tmp_path: Any) -> None:
    names, values = zip(*(broken(n) for n in range(5)), strict=True)
    topic.refuse(*values)
    topic.refuse(b"{broken", reason="record: expected well-formed JSON (RFC 8259)")
    wanted = params(reason="currency", corrections=RENAME)
    assert dead_letters.resend(wanted, Run()) == {"sent": 5}
    assert dead_letters.resend(wanted, Run()) == {"sent before": 5}
    assert sorted(one["transaction_id"] for one in topic.sent()) == sorted(names)
    assert {one["currency"] for one in topic.sent()} == {"EUR"}
    records = list(AuditChain(Lake(tmp_path.as_uri()), DESK).records())
    assert sorted(record.content["transaction_id"] for record in records) == sorted(names)
    assert {(record.actor, record.kind) for record in records} == {("ann", "dead letter resent")}


def test_what_is_still_broken_or_known_already_is_not_sent(topic: Topic, cassandra_session: Any) -> None:
    (name, value), (_, other) = broken(1), broken(2)
    CassandraSeenStore(cassandra_session).remember({name: b"another payment"}, 3)
    topic.refuse(value, other)
    places = [str(letter.place) for letter in dead_letters.dead_letter_box().letters()]
    assert dead_letters.resend(params(places=places), Run()) == {"refused": 2}
    assert dead_letters.resend(params(places=places, corrections=RENAME), Run()) == {"refused": 1, "sent": 1}
    assert len(topic.sent()) == 1


def test_a_claim_of_a_killed_try_is_waited_for_and_brought_to_its_end(
    topic: Topic, cassandra_session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "LEASE", timedelta())
    name, value = broken(1)
    topic.refuse(value)
    (letter,) = dead_letters.dead_letter_box().letters()
    store = CassandraResentStore(cassandra_session)
    corrected = value.replace(b'"ccy"', b'"currency"')
    store.claim(Resent(letter.place, uuid.uuid4(), name, corrected, "bob", datetime.now(UTC)))
    done = dead_letters.resend(params(places=[str(letter.place)]), Run())
    assert done == {"claimed by others": 1}
    cassandra_session.execute("TRUNCATE dead_letters_resent", timeout=60)
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    store.claim(Resent(letter.place, uuid.uuid4(), name, corrected, "bob", long_ago))
    assert dead_letters.resend(params(places=[str(letter.place)]), Run()) == {"sent": 1}
    stands = store.get_many([letter.place])[letter.place]
    assert (stands.state, stands.by) == (ResentState.SENT, "ann")
    assert [one["transaction_id"] for one in topic.sent()] == [name]


@pytest.mark.parametrize("wrong", [{}, {"places": ["0:1"], "reason": "x"}, {"places": ["nowhere"]}])
def test_nonsense_is_refused(topic: Topic, wrong: dict[str, Any]) -> None:
    with pytest.raises(ResendRefused, match="expected"):
        dead_letters.resend(params(**wrong), Run())


def test_nothing_chosen_is_skipped(topic: Topic) -> None:
    with pytest.raises(AirflowSkipException):
        dead_letters.resend(params(places=["0:99", "77:1"]), Run())


def test_the_desk_opens_the_same_box_and_sends_once(
    topic: Topic, cassandra_address: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    from include.orchestration import connections
    from plugins.fraud_desk import resending

    monkeypatch.setattr(connections, "cassandra_address", lambda *_: cassandra_address)
    monkeypatch.setattr(resending, "settings", dead_letters.settings)
    name, value = broken(1)
    topic.refuse(value)
    opened = resending.LiveResending()
    (letter,) = opened().box.page(10).letters
    assert opened() is opened()
    corrected = value.replace(b'"ccy"', b'"currency"')
    assert opened().resender.resend(letter, corrected, "ann").state is ResentState.SENT
    with pytest.raises(ResendRefused, match="which ann sent"):
        opened().resender.resend(letter, corrected, "bob")
    assert [one["transaction_id"] for one in topic.sent()] == [name]
    (record,) = AuditChain(Lake(tmp_path.as_uri()), DESK).records()
    assert (record.actor, record.content["transaction_id"]) == ("ann", name)


def test_two_clicks_at_once_send_one(topic: Topic, cassandra_session: Any) -> None:
    name, value = broken(1)
    topic.refuse(value)
    (letter,) = dead_letters.dead_letter_box().letters()
    corrected, lake = value.replace(b'"ccy"', b'"currency"'), Lake(dead_letters.settings().lake)

    def click(person: str) -> str:
        with dead_letters.producer(f"click-{person}") as sending:
            again = dead_letters.resender(cassandra_session, lake, lambda k, v: sending.deliver([(k, v)]))
            try:
                return again.resend(letter, corrected, person).state
            except ResendRefused as refused:
                return str(refused)

    with ThreadPoolExecutor(4) as clicks:
        outcomes = list(clicks.map(click, ["ann", "bob", "cem", "dia"]))
    assert outcomes.count(ResentState.SENT) == 1
    assert all("claimed by" in one or "sent at" in one for one in outcomes if one != ResentState.SENT)
    assert [one["transaction_id"] for one in topic.sent()] == [name]


def test_killed_between_the_brokers_and_the_record_the_next_try_ends_it(
    topic: Topic, cassandra_session: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """The record came to the topic, the audit trail and the mark did not; the stream sees one transaction."""
    monkeypatch.setattr(dead_letters, "LEASE", timedelta())
    name, value = broken(1)
    topic.refuse(value)
    wanted = params(reason="currency", corrections=RENAME)
    with monkeypatch.context() as killed:
        killed.setattr(dead_letters.DeskAudit, "note", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            dead_letters.resend(wanted, Run())
    assert [one["transaction_id"] for one in topic.sent()] == [name]
    # The stream has accepted it meanwhile; the claim's lease is over.
    (sent,) = topic.sent()
    accepted = check(json.dumps(sent).encode(), datetime.now(UTC), timedelta(days=30))
    CassandraSeenStore(cassandra_session).remember({name: accepted.content}, 5)
    monkeypatch.setattr("include.transactions.resent.LEASE", timedelta())
    assert dead_letters.resend(wanted, Run()) == {"sent": 1}
    assert dead_letters.resend(wanted, Run()) == {"sent before": 1}
    assert len(topic.sent()) == 1
    records = list(AuditChain(Lake(tmp_path.as_uri()), DESK).records())
    assert [record.content["transaction_id"] for record in records] == [name]
