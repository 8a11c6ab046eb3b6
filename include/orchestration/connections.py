"""Makes clients from Airflow's connections: the only place that knows their ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from include.alerts.channels.base import Channel
from include.alerts.channels.smtp import SmtpChannel
from include.settings import settings
from include.stores.cassandra.address import CassandraAddress
from include.stores.lake.files import Lake
from include.transactions.offsets import broker_settings

if TYPE_CHECKING:
    from cassandra.cluster import Session

KAFKA = "kafka_default"
CASSANDRA = "cassandra_default"
SPARK = "spark_connect_default"
SMTP = "smtp_default"
SENDGRID = "sendgrid_default"
METADATA = "airflow_metadata"


def kafka_config() -> dict[str, Any]:
    """librdkafka settings of the brokers: address and security."""
    from airflow.providers.apache.kafka.hooks.base import KafkaBaseHook

    return broker_settings(KafkaBaseHook.get_connection(KAFKA).extra_dejson)


def cassandra_address() -> CassandraAddress:
    """Where Cassandra is, as a value that can travel to a Spark worker."""
    from airflow.providers.apache.cassandra.hooks.cassandra import CassandraHook

    connection = CassandraHook.get_connection(CASSANDRA)
    return CassandraAddress(
        contact_points=tuple((connection.host or "").split(",")),
        port=connection.port or 9042,
        keyspace=connection.schema or settings().keyspace,
        username=connection.login or None,
        password=connection.password or None,
        sync_lag_seconds=float(connection.extra_dejson.get("sync_lag_seconds", 0)),
    )


@contextmanager
def cassandra_session() -> Iterator[Session]:
    """A session in the project's keyspace, closed at the end."""
    session = cassandra_address().connect()
    try:
        yield session
    finally:
        session.cluster.shutdown()


@contextmanager
def cassandra_session_soon() -> Iterator[Callable[[], Session]]:
    """As ``cassandra_session``, but it connects while its caller does something else; asked for, it waits."""
    with ThreadPoolExecutor(1, "cassandra") as pool:
        connecting = pool.submit(lambda: cassandra_address().connect())
        try:
            yield connecting.result
        finally:
            if not (connecting.cancel() or connecting.exception()):
                connecting.result().cluster.shutdown()


def spark_session(lake: Lake) -> Any:
    """The shared Spark Connect session."""
    from airflow.providers.apache.spark.hooks.spark_connect import SparkConnectHook

    from include.spark.session import connect

    return connect(SparkConnectHook(SPARK).get_connection_url(), lake)


def open_channels() -> Callable[[], list[Channel]]:
    """How alerts leave the bank: SendGrid if its connection is set, else SMTP; each call opens channels anew."""
    from airflow.providers.smtp.hooks.smtp import SmtpHook
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    smtp = Connection.get(SMTP)
    sender = smtp.extra_dejson["from_email"]

    class Hook(SmtpHook):  # type: ignore[misc]
        """Knows its connection: asking Airflow for it costs as much as sending a mail."""

        @classmethod
        def get_connection(cls, conn_id: str) -> Any:
            return smtp

    try:
        sendgrid = Connection.get(SENDGRID)
    except AirflowNotFoundException:
        # A new hook for each connection: a hook keeps its client, also one the server has dropped.
        return lambda: [SmtpChannel(lambda: Hook(SMTP).get_conn()._smtp_client, sender)]
    from include.alerts.channels.sendgrid import SendGridChannel

    return lambda: [SendGridChannel(sendgrid.password, sendgrid.extra_dejson.get("from_email", sender))]
