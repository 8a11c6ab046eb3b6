"""Sending dead letters again: what the desk and the DAG ``resend_dead_letters`` both open, and the DAG's task."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException
from cassandra.cluster import Session

from include.orchestration.connections import CASSANDRA_DESK, KAFKA_DESK, cassandra_session, kafka_config
from include.orchestration.governance_rules import author_of
from include.orchestration.run_parameters import Resending
from include.orchestration.variables import checked
from include.pipeline.desk_audit import DeskAudit
from include.privacy.settings import pseudonymiser
from include.settings import settings
from include.stores.cassandra.resent import CassandraResentStore
from include.stores.cassandra.seen import CassandraSeenStore
from include.stores.lake.files import Lake
from include.transactions.corrections import Correction, corrected, corrections_of
from include.transactions.dead_letter import MANY, DeadLetter, Place
from include.transactions.dead_letter_box import DeadLetterBox
from include.transactions.errors import ResendRefused
from include.transactions.producer import TransactionProducer
from include.transactions.resending import DELIVERY_SECONDS, Resender
from include.transactions.resent import LEASE, Resent, ResentState

log = logging.getLogger(__name__)

#: Later than any batch: what counts is whether the stream has accepted an id at all.
_ANY_BATCH = 2**62
#: Refusals that are told one by one.
_TOLD = 20


def dead_letter_box() -> DeadLetterBox:
    """The box behind the connection to Kafka."""
    return DeadLetterBox(kafka_config(KAFKA_DESK), settings().topics.dead_letter)


def producer(client_id: str = "tidewatch-resending") -> TransactionProducer:
    """A producer of ``transactions`` that gives up while a claim is still held."""
    config = {
        **kafka_config(KAFKA_DESK),
        "client.id": client_id,
        "delivery.timeout.ms": int(1000 * DELIVERY_SECONDS),
        "linger.ms": 0,
    }
    return TransactionProducer(config["bootstrap.servers"], settings().topics.transactions, config=config)


def resender(session: Session, lake: Lake, send: Callable[[bytes, bytes], object]) -> Resender:
    """What sends dead letters again, on a session's stores.

    Parameters
    ----------
    send
        Of a key and a value; returns when the brokers have confirmed it.
    """
    names = pseudonymiser()

    def send_named(key: bytes, value: bytes) -> object:
        """A person corrected it, and may have written an identifier."""
        for one_key, one_value in [(key, value)] if names is None else names.records([(key, value)]):
            send(one_key, one_value or b"")
        return None

    accepted = CassandraSeenStore(session)

    audit = DeskAudit(lake)

    def record(letter: DeadLetter, resent: Resent) -> None:
        detail = {
            "transaction_id": resent.transaction_id,
            "claimed_at": resent.claimed_at,
            "value_sha256": hashlib.sha256(resent.value).hexdigest(),
            "changed": resent.value != letter.value,
            "reasons": list(letter.reasons),
        }
        subject = f"dead letter {letter.place}"
        audit.note("dead letter resent", resent.by, subject, detail, f"resent:{letter.place}")

    return Resender(
        CassandraResentStore(session),
        settings().topics.transactions,
        send_named,
        lambda ids: accepted.seen_before(ids, _ANY_BATCH),
        record,
        settings().stream.retention,
    )


def resend(params: Mapping[str, Any], dag_run: Any) -> dict[str, int]:
    """Send many dead letters again; returns how many, and how many could not be.

    Doing it again sends nothing twice. Claims that are open, e.g. of a try of this task that was killed, are waited
    for and brought to their end.

    Raises
    ------
    InputRefused, ResendRefused
        Nothing was chosen, or what was chosen makes no sense.
    AirflowSkipException
        There is nothing to send.
    DeliveryFailed
        The brokers do not confirm; the next try goes on.
    """
    wanted = checked("the parameters of the run", Resending, dict(params))
    run = _Run(author_of(params, dag_run), corrections_of(wanted.corrections))
    with _opened() as (box, again):
        chosen = list(_chosen(box, wanted))
        if waiting := run.send(again, chosen):
            log.info("%s are claimed by somebody; they are taken up in %s", len(waiting), LEASE)
            time.sleep(LEASE.total_seconds())
            run.counts["claimed by others"] = len(run.send(again, waiting))
    if not chosen:
        raise AirflowSkipException("no dead letter was chosen")
    log.info("dead letters: %s", dict(run.counts))
    return dict(run.counts)


@dataclass(frozen=True, slots=True)
class _Run:
    """Who sends with which corrections, and what has come of it so far."""

    by: str
    corrections: Sequence[Correction]
    counts: Counter[str] = field(default_factory=Counter)

    def send(self, again: Resender, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
        """Send what can be sent; returns those that somebody else has claimed and not finished."""
        waiting = []
        taken = again.store.get_many([letter.place for letter in letters])
        for letter in letters:
            there = taken.get(letter.place)
            if there is not None and there.state is ResentState.SENT:
                self.counts["sent before"] += 1
            elif there is not None and not there.abandoned(datetime.now(UTC)):
                waiting.append(letter)
            else:
                self._one(again, letter, there)
        return waiting

    def _one(self, again: Resender, letter: DeadLetter, there: Resent | None) -> None:
        try:
            if there is None:
                again.resend(letter, corrected(letter.value, self.corrections), self.by)
            else:
                again.take_up(letter, self.by)
            self.counts["sent"] += 1
        except ResendRefused as refused:
            self.counts["refused"] += 1
            if self.counts["refused"] <= _TOLD:
                log.warning("dead letter %s: %s", letter.place, refused)


@contextmanager
def _opened() -> Iterator[tuple[DeadLetterBox, Resender]]:
    lake = Lake(settings().lake)
    with cassandra_session(CASSANDRA_DESK) as session, producer() as sending:
        yield dead_letter_box(), resender(session, lake, lambda key, value: sending.deliver([(key, value)]))


def _chosen(box: DeadLetterBox, wanted: Resending) -> Iterator[DeadLetter]:
    """The dead letters a run was triggered for: by place, or the newest with a reason."""
    places, reason = [Place.of(text) for text in wanted.places], wanted.reason.strip()
    if bool(places) == bool(reason):
        raise ResendRefused(
            f"expected places or a reason, got {len(places)} places and {reason!r}; name the dead "
            'letters as ["0:17", "2:5"], or a part of the reason they were refused for'
        )
    if places:
        for place in dict.fromkeys(places):
            if (letter := box.get(place)) is None:
                log.warning("dead letter %s: expected a record, there is none (any more)", place)
            else:
                yield letter
        return
    topic, most = settings().topics.transactions, min(MANY, wanted.limit)
    page = box.page(
        most,
        wanted=lambda one: one.source_topic == topic and any(reason in said for said in one.reasons),
        look_at=10 * MANY,
    )
    yield from page.letters
