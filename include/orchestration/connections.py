"""Makes clients from Airflow's connections: the only place that knows their ids."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from include.alerts.channels.base import Channel
from include.alerts.channels.smtp import SmtpChannel
from include.settings import settings
from include.stores.cassandra.address import CassandraAddress
from include.stores.lake.files import Lake
from include.stores.lake.installation import owner_of
from include.transactions.offsets import broker_settings

if TYPE_CHECKING:
    from cassandra.cluster import Session

KAFKA = "kafka_default"
CASSANDRA = "cassandra_default"
# Accounts of parts that may do more, or less, than the default's; without such a connection a part takes the default.
KAFKA_ADMIN = "kafka_admin"
KAFKA_BANK = "kafka_bank"
KAFKA_DESK = "kafka_desk"
CASSANDRA_ADMIN = "cassandra_admin"
CASSANDRA_DESK = "cassandra_desk"
CASSANDRA_READER = "cassandra_reader"
SPARK = "spark_connect_default"
SMTP = "smtp_default"
SENDGRID = "sendgrid_default"
TWILIO = "twilio_default"
WEBHOOK = "webhook_default"
SLACK = "slack_default"
METADATA = "airflow_metadata"

log = logging.getLogger(__name__)


def _connection(own: str, default: str) -> Any:
    """The connection of a part, or the default one: a look-up that finds nothing costs as much as one that does."""
    from airflow.sdk.bases.hook import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return BaseHook.get_connection(own)
    except AirflowNotFoundException:
        if own == default:
            raise
        return BaseHook.get_connection(default)


def kafka_config(connection_id: str = KAFKA) -> dict[str, Any]:
    """librdkafka settings of the brokers: address and security.

    Parameters
    ----------
    connection_id
        Of the part that asks: ``KAFKA``, ``KAFKA_ADMIN``, ``KAFKA_BANK`` or ``KAFKA_DESK``.
    """
    connection = _connection(connection_id, KAFKA)
    return broker_settings(connection.extra_dejson, connection.login, connection.password)


def cassandra_address(connection_id: str = CASSANDRA) -> CassandraAddress:
    """Where Cassandra is, as a value that can travel to a Spark worker.

    Parameters
    ----------
    connection_id
        Of the part that asks: ``CASSANDRA``, ``CASSANDRA_ADMIN``, ``CASSANDRA_DESK`` or ``CASSANDRA_READER``.

    Raises
    ------
    ValueError
        Its extra ``ssl_options`` has something else than ``ca_certs``, a file with the authorities to trust.
    """
    connection = _connection(connection_id, CASSANDRA)
    tls = connection.extra_dejson.get("ssl_options") or {}
    if set(tls) - {"ca_certs"}:
        raise ValueError(
            f"connection {connection_id}: expected ssl_options with ca_certs (the authorities' file) and nothing else, "
            f"got {', '.join(sorted(tls))}"
        )
    return CassandraAddress(
        contact_points=tuple((connection.host or "").split(",")),
        port=connection.port or 9042,
        keyspace=connection.schema or settings().keyspace,
        username=connection.login or None,
        password=connection.password or None,
        sync_lag_seconds=float(connection.extra_dejson.get("sync_lag_seconds", 0)),
        ca_file=tls.get("ca_certs"),
        installation=owner_of(Lake(settings().lake)),
    )


def cassandra_roles() -> dict[str, str]:
    """Roles to be given their rights, by part; none unless the extra ``roles`` of ``cassandra_admin`` names them."""
    return dict(_connection(CASSANDRA_ADMIN, CASSANDRA).extra_dejson.get("roles") or {})


@contextmanager
def cassandra_session(connection_id: str = CASSANDRA) -> Iterator[Session]:
    """A session in the project's keyspace, closed at the end."""
    session = cassandra_address(connection_id).connect()
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


def open_channels(names: Collection[str] = ("email",)) -> Callable[[], list[Channel]]:
    """How alerts leave the bank; each call of what is returned opens the channels anew.

    A look-up in Airflow costs 60 to 100 ms: ask once a task, and for the channels needed only. They come one after
    the other, as a task has one line to its supervisor, which is locked from question to answer. A channel other
    than e-mail that is not set up, or wrongly, is left out and told of in the log; its deliveries are retried.

    Parameters
    ----------
    names
        Out of ``email`` (two look-ups, one if SendGrid's connection names the sender), ``sms``, ``webhook`` and
        ``slack`` (one each).

    Raises
    ------
    AirflowNotFoundException, KeyError, ValueError
        E-mail is asked for and not set up, or wrongly: nothing could be told to anybody.
    """
    makers = [maker for name in names if (maker := _maker(name)) is not None]
    return lambda: [make() for make in makers]


class ChannelsSoon:
    """As ``open_channels``, but connections are looked up at the first need, beside what the caller does.

    Parameters
    ----------
    names
        As ``open_channels`` has them.
    pool
        Where the look-ups are made.
    """

    def __init__(self, names: Collection[str], pool: ThreadPoolExecutor) -> None:
        self._names = names
        self._pool = pool
        self._lock = Lock()
        self._opening: Future[Callable[[], list[Channel]]] | None = None

    def begin(self) -> Future[Callable[[], list[Channel]]]:
        """Begin to look up, as channels will be needed; again changes nothing."""
        with self._lock:  # senders ask from threads of their own
            if self._opening is None:
                self._opening = self._pool.submit(open_channels, self._names)
            return self._opening

    def __call__(self) -> list[Channel]:
        """Open the channels anew; waits for the look-ups and raises what they raised."""
        return self.begin().result()()


@contextmanager
def channels_soon(names: Collection[str]) -> Iterator[ChannelsSoon]:
    """Channels for those who may not need any; what is being looked up at the end is waited for."""
    with ThreadPoolExecutor(1, "channels") as pool:
        yield ChannelsSoon(names, pool)


def _maker(name: str) -> Callable[[], Channel] | None:
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        make = _MAKERS[name]()
        make().close()  # a mistake in its settings shows here, where it stops no other channel
        return make
    except (AirflowNotFoundException, KeyError, ValueError) as error:
        if name == "email":
            raise
        log.error(
            "channel %s: expected its connection in Airflow, got %s: %s; its deliveries are retried",
            name, type(error).__name__, error,
        )  # fmt: skip
        return None


def _email() -> Callable[[], Channel]:
    """SendGrid if its connection is set, else SMTP. SendGrid's extra ``from_email`` spares it that of SMTP."""
    from airflow.providers.smtp.hooks.smtp import SmtpHook
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        sendgrid = Connection.get(SENDGRID)
    except AirflowNotFoundException:
        sendgrid = None
    if sendgrid is not None and (own := sendgrid.extra_dejson.get("from_email")):
        return _sendgrid(sendgrid.password, own)
    smtp = Connection.get(SMTP)
    sender = smtp.extra_dejson["from_email"]
    if sendgrid is not None:
        return _sendgrid(sendgrid.password, sender)

    ca_file = smtp.extra_dejson.get(
        "ssl_ca_file"
    )  # of a mail server whose authority the machine does not know

    class Hook(SmtpHook):  # type: ignore[misc]
        """Knows its connection: asking Airflow for it costs as much as sending a mail."""

        @classmethod
        def get_connection(cls, conn_id: str) -> Any:
            return smtp

        def _build_ssl_context(self) -> Any:
            return _trusting(ca_file) if ca_file else super()._build_ssl_context()

    # A new hook for each connection: a hook keeps its client, also one the server has dropped.
    return lambda: SmtpChannel(lambda: Hook(SMTP).get_conn()._smtp_client, sender)


@lru_cache(maxsize=4)
def _trusting(ca_file: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


def _sendgrid(key: str | None, sender: str) -> Callable[[], Channel]:
    from include.alerts.channels.sendgrid import SendGridChannel

    return lambda: SendGridChannel(key or "", sender)


def _sms() -> Callable[[], Channel]:
    """Twilio: login is the account SID, password the auth token, host the API's base, extra ``from_number``."""
    from airflow.sdk import Connection

    from include.alerts.channels.twilio import API, TwilioChannel

    twilio = Connection.get(TWILIO)
    sender = twilio.extra_dejson.get("from_number", "")
    return lambda: TwilioChannel(twilio.login or "", twilio.password or "", sender, api=twilio.host or API)


def _webhook() -> Callable[[], Channel]:
    """A system of the bank's: host is the whole address, password the shared secret (``whsec_...``)."""
    from airflow.sdk import Connection

    from include.alerts.channels.webhook import WebhookChannel

    webhook = Connection.get(WEBHOOK)
    return lambda: WebhookChannel(webhook.host or "", webhook.password or "")


def _slack() -> Callable[[], Channel]:
    """Slack: password is the bot's token, host the API's base, extra ``channel`` a conversation's id."""
    from airflow.sdk import Connection

    from include.alerts.channels.slack import API, SlackChannel

    slack = Connection.get(SLACK)
    conversation = slack.extra_dejson.get("channel")
    return lambda: SlackChannel(slack.password or "", conversation, api=slack.host or API)


_MAKERS: dict[str, Callable[[], Callable[[], Channel]]] = {
    "email": _email,
    "sms": _sms,
    "webhook": _webhook,
    "slack": _slack,
}
