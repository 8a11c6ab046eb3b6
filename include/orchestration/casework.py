"""Puts casework together, for tasks and for the desk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from include.cases.casework import Casework, SendLabels
from include.cases.intake import Intake
from include.pipeline.desk_audit import DeskAudit
from include.settings import settings
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


#: Somebody waits for the click; what does not get through in this time is sent by the sweep.
_PATIENCE_MS = 5_000


class LabelSender:
    """Sends labels to the topic; connects for each call, as people click seldom.

    Parameters
    ----------
    kafka
        librdkafka settings of the brokers.
    """

    def __init__(self, kafka: Mapping[str, Any]) -> None:
        self._kafka = kafka

    def __call__(self, labels: Sequence[LabelEvent]) -> None:
        """Send, and return when the broker has them.

        Raises
        ------
        DeliveryFailed
            It has not got them all.
        """
        topic = settings().topics.labels
        config = {**self._kafka, "delivery.timeout.ms": _PATIENCE_MS, "linger.ms": 0}
        with TransactionProducer(self._kafka["bootstrap.servers"], topic, config=config) as producer:
            producer.deliver(encode_label(label) for label in labels)
