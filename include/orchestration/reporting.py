"""Bodies of the tasks that make reports and send them to who asked for them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from include.orchestration.connections import CASSANDRA_READER, cassandra_session
from include.orchestration.notices import tell, told_before
from include.orchestration.run_parameters import ReportWanted
from include.orchestration.variables import checked, variable
from include.pipeline.reporting import Sources, build, due_periods
from include.reports.archive import StoredReport, read_report, stored_reports
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

#: So long after it was made a report is mailed to who has not had it.
_MAILED_FOR = timedelta(days=8)


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
    Exception
        Whatever kept one of them from being made; the others were.
    """
    os.nice(10)  # alerts first, where processors are few
    lake, now = Lake(settings().lake), datetime.now(UTC)
    asked = checked("the parameters of the run", ReportWanted, dict(params))
    periods = (
        [Period.parse(asked.kind, asked.period)] if asked.kind or asked.period else due_periods(lake, now)
    )
    if not periods:
        raise AirflowSkipException("every day and month that is over has its report")
    made: list[StoredReport] = []
    failed: dict[str, Exception] = {}
    with _sources() as sources:
        for period in periods:
            try:
                made.append(build(lake, period, sources, now))
            except Exception as error:  # one bad day keeps no other from its report
                log.exception("the report of %s could not be made", period.name)
                failed[period.name] = error
    if failed:  # as itself, so that what is tried again is decided by what it was
        name, first = next(iter(failed.items()))
        first.add_note(
            f"of {len(periods)} reports {len(made)} were made; not {', '.join(failed)}; this is of {name}"
        )
        raise first
    return [one.model_dump(mode="json") | {"page": lake.url(f"{one.folder}/report.html")} for one in made]


@contextmanager
def _sources() -> Iterator[Sources]:
    with cassandra_session(CASSANDRA_READER) as session:
        customers = CassandraCustomerStore(session)

        def segment_of(customer_ids: Sequence[str]) -> Mapping[str, str]:
            return {name: customer.segment for name, customer in customers.get_many(customer_ids).items()}

        yield Sources(
            segment_of=segment_of,
            outbox=CassandraOutboxStore(session),
            queue=CassandraQueueStore(session),
            cases=CassandraCaseStore(session),
            suppressions=CassandraSuppressionStore(session),
        )


def send_reports() -> int:
    """Mail a summary of each report made lately to its subscribers; returns how many mails.

    What is to be mailed is read from the list of reports, not from what one try of a task has made: a report that
    stands and was not mailed, for whatever reason, is mailed by the next run. Idempotent: the same figures are
    mailed to an address once. One that is made again and says something else is mailed again; one of a period
    that is not over is not mailed.

    Raises
    ------
    ConnectionError
        A mail has not left; the others have, and are not sent again.
    """
    lake, now = Lake(settings().lake), datetime.now(UTC)
    subscribers = variable("report_subscribers", list[Subscriber], [])
    lately = [one for one in stored_reports(lake) if not one.so_far and now - one.made_at < _MAILED_FOR]
    outcomes = [_send(lake, one.kind, one.period, subscribers) for one in lately]
    if failed := sum(failures for _, failures in outcomes):
        raise ConnectionError(
            f"{failed} mails with reports have not left; see the log above, the task tries again"
        )
    return sum(sent for sent, _ in outcomes)


def _send(lake: Lake, kind: str, name: str, subscribers: Sequence[Subscriber]) -> tuple[int, int]:
    """How many mails have left, and how many have not."""
    report = read_report(lake, Period.parse(kind, name))
    if report is None or report.so_far:
        return 0, 0
    desk = settings().desk_url
    link = f"{desk}/reports/{kind}/{name}/report.html" if desk else ""
    sent = failed = 0
    for subscriber in subscribers:
        key = f"report:{kind}:{name}:{report.digest}:{subscriber.address}"
        if report.kind not in subscriber.kinds or told_before(lake, key):
            continue
        subject, paragraphs = summary(report, subscriber.language, link)
        left = tell(lake, subscriber.address, key, subject, paragraphs)
        sent, failed = sent + left, failed + (not left)
    log.info("report %s %s: %s mails", kind, name, sent)
    return sent, failed
