"""Puts casework together, for tasks and for the desk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from include.cases.casework import Casework, SendLabels
from include.cases.customer_answer import AnswerLinks
from include.cases.intake import Intake
from include.pipeline.desk_audit import DeskAudit
from include.settings import Settings, settings
from include.stores.cassandra.alert_queue import CassandraQueueStore
from include.stores.cassandra.alerts import CassandraAlertStore
from include.stores.cassandra.cases import CassandraCaseStore, CassandraHandlingStore
from include.stores.cassandra.suppressions import CassandraSuppressionStore
from include.stores.lake.files import Lake
from include.transactions.labels import LabelEvent, encode_label
from include.transactions.producer import TransactionProducer

if TYPE_CHECKING:
    from cassandra.cluster import Session


def casework_on(session: Session, lake: Lake, send_labels: SendLabels) -> Casework:
    """Casework on Cassandra and the lake."""
    return Casework(
        alerts=CassandraAlertStore(session),
        cases=CassandraCaseStore(session),
        handlings=CassandraHandlingStore(session),
        queue=CassandraQueueStore(session),
        send_labels=send_labels,
        record=DeskAudit(lake).event,
    )


def intake_on(session: Session, window: timedelta) -> Intake:
    """What new alerts go through, on Cassandra."""
    return Intake(
        CassandraCaseStore(session),
        CassandraHandlingStore(session),
        CassandraQueueStore(session),
        CassandraSuppressionStore(session),
        window,
    )


def answer_links(now: Settings) -> AnswerLinks | None:
    """What makes and reads customers' links; None without a key or an address for them."""
    keys = [key for key in now.link_keys.get_secret_value().split(",") if key]
    return AnswerLinks(keys, f"{now.desk_url}/answer") if keys and now.desk_url else None


#: Somebody waits for the click; what does not get through in this time is sent by the sweep.
_PATIENCE_MS = 5_000


class LabelSender:
    """Sends labels to the topic; for use from several threads, of which one sends at a time.

    Parameters
    ----------
    kafka
        Gives the librdkafka settings of the brokers, when there is the first label.
    """

    def __init__(self, kafka: Callable[[], Mapping[str, Any]]) -> None:
        self._kafka = kafka
        self._lock = Lock()
        self._producer: TransactionProducer | None = None

    def __call__(self, labels: Sequence[LabelEvent]) -> None:
        """Send, and return when the broker has them.

        Raises
        ------
        DeliveryFailed
            It has not got them all.
        """
        with self._lock:
            if self._producer is None:
                config = {**self._kafka(), "delivery.timeout.ms": _PATIENCE_MS, "linger.ms": 0}
                self._producer = TransactionProducer(
                    config["bootstrap.servers"], settings().topics.labels, config=config
                )
            self._producer.deliver(encode_label(label) for label in labels)
