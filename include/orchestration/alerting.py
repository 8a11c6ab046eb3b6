"""Bodies of the tasks that tell people: raising alerts, sending what is due, watching over open cases."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from include.alerts.channels.base import Channel
from include.alerts.limits import RUN_SECONDS
from include.alerts.rendering import Renderer, compile_templates
from include.alerts.routing import Router, Routing
from include.alerts.routing_file import load_routing
from include.cases import deadlines
from include.governance.incidents import clear_incident, raise_incident
from include.orchestration.casework import LabelSender, answer_links, casework_on, intake_on
from include.orchestration.connections import cassandra_session, channels_soon, kafka_config
from include.orchestration.steps import batches_to_do, keys_of, this_run
from include.pipeline import alerting
from include.settings import settings
from include.stores.cassandra.alerts import CassandraAlertStore
from include.stores.cassandra.customers import CassandraCustomerStore
from include.stores.cassandra.errors import SchemaMissing
from include.stores.cassandra.outbox import CassandraOutboxStore
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage

log = logging.getLogger(__name__)

#: The next batch waits for the end of this one's task: what a slow channel leaves over is sent with it, or swept.
_SECONDS_OF_A_BATCH = 2.0

Channels = Callable[[], Sequence[Channel]]


@lru_cache(maxsize=1)
def routing() -> Routing:
    """Who is told of what, read once a process."""
    return load_routing()


def warm_up() -> None:
    """Read the routing and compile the templates in this process, for those that are forked from it."""
    routing()
    compile_templates()


def renderer() -> Renderer:
    """Writes messages with links to the desk, and asks customers if it can."""
    now = settings()
    links = answer_links(now)
    return Renderer(
        desk_url=now.desk_url or None, link_of=None if links is None else lambda alert, _: links.link(alert)
    )


def raise_alerts(run: Any) -> list[str]:
    """Write alerts and send what is due; returns the partition keys of the batches."""
    lake = Lake(settings().lake)
    ledger = BatchLedger(lake, this_run())
    batches = batches_to_do(ledger, Stage.ALERTED, run)
    if not batches:
        deliver()  # a try before this one may have been cut off after the batch and before its mails
        return []
    now = routing()
    with cassandra_session() as session, channels_soon(now.channels()) as channels:
        alerts, outbox = CassandraAlertStore(session), CassandraOutboxStore(session)
        router = Router(now, CassandraCustomerStore(session))
        intake = intake_on(session, now.repeat_window)
        # Connections are looked up while the alerts are written, if there are any.
        done = alerting.raise_alerts(batches, ledger, lake, alerts, intake, router, outbox, channels.begin)
        _deliver(alerts, outbox, channels, router, _SECONDS_OF_A_BATCH)
    return keys_of(done)


def deliver() -> None:
    """Send what is due in the outbox: retries, and what a killed task left.

    Raises
    ------
    AirflowSkipException
        There is no outbox yet: ``initialize_stores`` has not run.
    """
    try:
        with cassandra_session() as session, channels_soon(routing().channels()) as channels:
            router = Router(routing(), CassandraCustomerStore(session))
            _deliver(
                CassandraAlertStore(session), CassandraOutboxStore(session), channels, router, RUN_SECONDS
            )
    except SchemaMissing as missing:
        raise AirflowSkipException(str(missing)) from missing


def _deliver(
    alerts: CassandraAlertStore,
    outbox: CassandraOutboxStore,
    channels: Channels,
    router: Router,
    seconds: float,
) -> None:
    summary = alerting.deliver(
        alerts, outbox, channels, renderer(), routing().limits, router.may_tell, seconds
    )
    if summary.moved:
        log.info(
            "deliveries: %s sent, %s to be retried, %s dead, %s left to a digest",
            summary.sent,
            summary.retried,
            summary.dead,
            summary.digested,
        )


def _tell_of(escalated: Sequence[deadlines.Escalated], router: Router, outbox: CassandraOutboxStore) -> None:
    """Enqueue what is not there yet; to look costs less than to be told so by a compare-and-set."""
    wanted = [one for each in escalated for one in router.escalations_of(each.alert, each.version, each.at)]
    there = outbox.get_many([one.delivery_id for one in wanted]) if wanted else {}
    if new := [one for one in wanted if one.delivery_id not in there]:
        outbox.enqueue(new)


def sweep_cases() -> None:
    """Escalate what nobody took in time, wake what was snoozed, finish what was left half done.

    Raises
    ------
    AirflowSkipException
        There are no cases yet: ``initialize_stores`` has not run.
    """
    now, lake = routing(), Lake(settings().lake)
    try:
        with cassandra_session() as session:
            outbox = CassandraOutboxStore(session)
            router = Router(now, CassandraCustomerStore(session))
            casework = casework_on(session, lake, LabelSender(kafka_config))
            swept = deadlines.sweep(
                casework,
                {severity: one.after for severity, one in now.escalation.items()},
                lambda escalated: _tell_of(escalated, router, outbox),
                datetime.now(UTC),
            )
    except SchemaMissing as missing:
        raise AirflowSkipException(str(missing)) from missing
    if swept.failed:
        words = f"{swept.failed} actions on cases are half done: a label, an audit record or a row is missing"
        raise_incident(lake, "casework", f"{words}; see the log of sweep_cases, it is tried every 30 s")
    else:
        clear_incident(lake, "casework")
    if any((swept.escalated, swept.woken, swept.finished)):
        log.info("cases: %s escalated, %s woken, %s finished", swept.escalated, swept.woken, swept.finished)
