"""Bodies of the tasks that make reports and send them to who asked for them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException
from pydantic import TypeAdapter

from include.alerts.contacts import SimulatedCustomers
from include.orchestration.connections import cassandra_session
from include.orchestration.notices import tell, told_before
from include.pipeline.reporting import Sources, build, due_periods
from include.reports.archive import read_report
from include.reports.periods import Period
from include.reports.summary import Subscriber, summary
from include.settings import settings
from include.stores.cassandra.alert_queue import CassandraQueueStore
from include.stores.cassandra.cases import CassandraCaseStore
from include.stores.cassandra.customers import CassandraCustomerStore
from include.stores.cassandra.outbox import CassandraOutboxStore
from include.stores.cassandra.suppressions import CassandraSuppressionStore
from include.stores.lake.files import Lake

log = logging.getLogger(__name__)


def build_reports(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Make the report that was asked for, or all that are due; returns what stands in the list of them.

    Parameters
    ----------
    params
        Of the run: ``kind`` and ``period``, both or neither.

    Raises
    ------
    PeriodRefused
        The period asked for cannot be reported on.
    AirflowSkipException
        Nothing is due: no event.
    """
    os.nice(10)  # alerts first, where processors are few
    lake, now = Lake(settings().lake), datetime.now(UTC)
    kind, name = str(params.get("kind") or ""), str(params.get("period") or "")
    periods = [Period.parse(kind, name)] if kind or name else due_periods(lake, now)
    if not periods:
        raise AirflowSkipException("every day and month that is over has its report")
    with _sources() as sources:
        made = [build(lake, period, sources, now) for period in periods]
    return [one.model_dump(mode="json") | {"page": lake.url(f"{one.folder}/report.html")} for one in made]


@contextmanager
def _sources() -> Iterator[Sources]:
    with cassandra_session() as session:
        stored, simulated = CassandraCustomerStore(session), SimulatedCustomers()

        def segment_of(customer_ids: Sequence[str]) -> Mapping[str, str]:
            known = stored.get_many(customer_ids)
            # As for alerts: a customer nobody has stored is one of the simulated bank.
            missing = simulated.get_many([name for name in customer_ids if name not in known])
            return {name: customer.segment for name, customer in {**known, **missing}.items()}

        yield Sources(
            segment_of=segment_of,
            outbox=CassandraOutboxStore(session),
            queue=CassandraQueueStore(session),
            cases=CassandraCaseStore(session),
            suppressions=CassandraSuppressionStore(session),
        )


def send_reports(made: Sequence[Mapping[str, Any]]) -> int:
    """Mail a summary of each report to its subscribers; returns how many mails.

    Idempotent: the same figures are mailed to an address once, however often they are made. A report that is
    made again and says something else is mailed again; one of a period that is not over is not mailed.

    Parameters
    ----------
    made
        What ``build_reports`` returned.
    """
    from airflow.configuration import conf
    from airflow.sdk import Variable

    lake = Lake(settings().lake)
    wanted = Variable.get("report_subscribers", default=[], deserialize_json=True)
    subscribers = TypeAdapter(list[Subscriber]).validate_python(wanted)
    desk = f"{(conf.get('api', 'base_url', fallback='') or '').rstrip('/')}/fraud-desk"
    return sum(_send(lake, one["kind"], one["period"], subscribers, desk) for one in made)


def _send(lake: Lake, kind: str, name: str, subscribers: Sequence[Subscriber], desk: str) -> int:
    report = read_report(lake, Period.parse(kind, name))
    if report is None or report.so_far:
        return 0
    sent = 0
    for subscriber in subscribers:
        key = f"report:{kind}:{name}:{report.digest}:{subscriber.address}"
        if report.kind not in subscriber.kinds or told_before(lake, key):
            continue
        subject, paragraphs = summary(report, subscriber.language, f"{desk}/reports/{kind}/{name}")
        tell(lake, subscriber.address, key, subject, paragraphs)
        sent += 1
    log.info("report %s %s: %s mails", kind, name, sent)
    return sent
