"""The bank of a running Airflow: one session an API server process.

They are made when first asked for and kept. A server that does not answer is not asked again for a moment, so that
a page says so at once and the threads of the API stay free for others; a session that stands reconnects by itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

from include.cases.casework import SendLabels
from include.settings import settings
from include.stores.cassandra.queries import (
    Kind,
    account_history,
    account_totals,
    counterparty_totals,
    running_total,
    transaction,
)
from include.stores.cassandra.records import StoredTransaction, Totals
from include.stores.lake.files import Lake
from plugins.fraud_desk.airflow_tasks import failed_tries
from plugins.fraud_desk.bank import Stores

if TYPE_CHECKING:
    from cassandra.cluster import Session

    from include.transactions.offsets import TopicOffsets

log = logging.getLogger(__name__)

#: A page waits no longer than this for one answer of Cassandra.
ANSWER_SECONDS = 5.0
#: After a failed try to connect nobody tries again for so long.
PAUSE_SECONDS = 3.0

T = TypeVar("T")


class Kept(Generic[T]):
    """Something that is made once, by whoever asks first; a failure to make it is remembered for a moment."""

    def __init__(self, make: Callable[[], T], pause_seconds: float = PAUSE_SECONDS) -> None:
        self._make = make
        self._pause = pause_seconds
        self._lock = Lock()
        self._made: T | None = None
        self._failure: tuple[float, Exception] | None = None

    def get(self) -> T:
        """The thing, or the error of the try before that is not long ago."""
        if self._made is not None:
            return self._made
        with self._lock:
            if self._made is not None:
                return self._made
            if self._failure is not None and time.monotonic() - self._failure[0] < self._pause:
                raise self._failure[1]
            try:
                self._made = self._make()
            except Exception as error:
                self._failure = (time.monotonic(), error)
                raise
            return self._made

    def forget(self) -> None:
        """Make it anew the next time."""
        with self._lock:
            self._made = None


class LiveBank:
    """The bank behind the desk's (or the default) connections to Cassandra and Kafka, and the lake of the settings."""

    def __init__(self) -> None:
        self._lake = Kept(lambda: Lake(settings().lake))
        self._stores = Kept(self._make_stores)
        self._offsets = Kept(_topic_offsets)

    @property
    def lake(self) -> Lake:
        """The lake of the settings."""
        return self._lake.get()

    def stores(self) -> Stores:
        """Stores on the process's session; see ``Bank.stores``."""
        return self._stores.get()

    def end_offsets(self) -> dict[int, int] | None:
        """See ``Bank.end_offsets``."""
        try:
            return self._offsets.get().ends()
        except Exception as error:  # whatever it is: the overview shows everything else all the same
            log.warning("the end of the topic of transactions is not known: %s", error)
            self._offsets.forget()
            return None

    def failed_tasks(self, since: datetime) -> Mapping[tuple[str, str], int]:
        """See ``Bank.failed_tasks``."""
        return failed_tries(since)

    def oldest_arrival(self, places: Mapping[int, int]) -> datetime | None:
        """See ``Bank.oldest_arrival``."""
        from include.orchestration.connections import kafka_config
        from include.transactions.reading import oldest_arrival

        return oldest_arrival(kafka_config(), settings().topics.transactions, places) if places else None

    def _make_stores(self) -> Stores:
        from cassandra.cluster import EXEC_PROFILE_DEFAULT

        from include.orchestration.casework import LabelSender
        from include.orchestration.connections import (
            CASSANDRA_DESK,
            KAFKA_DESK,
            cassandra_address,
            kafka_config,
        )

        session = cassandra_address(CASSANDRA_DESK).connect()
        session.get_execution_profile(EXEC_PROFILE_DEFAULT).request_timeout = ANSWER_SECONDS
        try:
            return stores_of(session, self.lake, LabelSender(lambda: kafka_config(KAFKA_DESK)))
        except Exception:
            session.cluster.shutdown()
            raise


class CassandraPast:
    """``Past`` on the tables of the loader."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def history(
        self, account_id: str, since: datetime, until: datetime, limit: int
    ) -> list[StoredTransaction]:
        """Transactions of an account, newest first."""
        return account_history(self._session, account_id, since, until, limit)

    def running_total(self, kind: Kind, key: str) -> Totals | None:
        """Totals since the first transaction."""
        return running_total(self._session, kind, key)

    def daily_totals(self, kind: Kind, key: str, since: datetime, until: datetime) -> list[Totals]:
        """Totals of each day with a transaction, oldest first."""
        read = account_totals if kind == "account" else counterparty_totals
        return read(self._session, key, "day", since, until)

    def transaction(self, transaction_id: str) -> StoredTransaction | None:
        """One transaction, or None."""
        return transaction(self._session, transaction_id)


def _topic_offsets() -> TopicOffsets:
    from include.orchestration.connections import KAFKA_DESK, kafka_config
    from include.transactions.offsets import TopicOffsets

    return TopicOffsets(kafka_config(KAFKA_DESK), settings().topics.transactions)


def stores_of(session: Session, lake: Lake, send_labels: SendLabels) -> Stores:
    """The stores of a session and a lake."""
    from include.cases.customer_answer import CustomerAnswers
    from include.orchestration.casework import answer_links, casework_on
    from include.pipeline.desk_audit import DeskAudit
    from include.stores.cassandra.alert_queue import CassandraQueueStore
    from include.stores.cassandra.alerts import CassandraAlertStore
    from include.stores.cassandra.cases import CassandraCaseStore, CassandraHandlingStore
    from include.stores.cassandra.customers import CassandraCustomerStore
    from include.stores.cassandra.labels import CassandraLabelStore
    from include.stores.cassandra.outbox import CassandraOutboxStore
    from include.stores.cassandra.suppressions import CassandraSuppressionStore

    casework, links = casework_on(session, lake, send_labels), answer_links(settings())
    return Stores(
        alerts=CassandraAlertStore(session),
        cases=CassandraCaseStore(session),
        handlings=CassandraHandlingStore(session),
        queue=CassandraQueueStore(session),
        suppressions=CassandraSuppressionStore(session),
        labels=CassandraLabelStore(session),
        outbox=CassandraOutboxStore(session),
        customers=CassandraCustomerStore(session),
        past=CassandraPast(session),
        casework=casework,
        audit=DeskAudit(lake),
        answers=CustomerAnswers(links, casework) if links else None,
    )
