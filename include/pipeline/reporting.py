"""Makes the reports of days and months: collects the figures, and puts them where they belong.

A day is counted batch by batch. A month is the sum of its days' figures where these are stored and final, and
the other days are counted, and stored, on the way. What labels and people say is counted anew for every report.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from include.pipeline.reporting_outcome import cases_of, drift_of, outcome_of, suppressions_of
from include.pipeline.reporting_quality import models_over, rules_over
from include.pipeline.reporting_scan import (
    SegmentOf,
    Segments,
    activity_of_day,
    first_done_at,
    oldest_batch,
)
from include.reports.archive import StoredReport, read_report, store, stored_reports
from include.reports.figures import Activity, Point, Report
from include.reports.periods import Kind, Period, PeriodRefused
from include.reports.report_page import report_page
from include.reports.report_pdf import report_pdf
from include.stores.case_ports import CaseStore, QueueStore, SuppressionStore
from include.stores.lake.files import Lake
from include.stores.lake.ledger import Stage
from include.stores.ports import OutboxStore

log = logging.getLogger(__name__)

#: A day that was not reported on because nothing ran is made up for so long.
CATCH_UP = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Sources:
    """What figures come from besides the lake; what is None leaves its part of the report out.

    Attributes
    ----------
    segment_of
        Without it every customer's segment is ``unknown``.
    """

    segment_of: SegmentOf | None = None
    outbox: OutboxStore | None = None
    queue: QueueStore | None = None
    cases: CaseStore | None = None
    suppressions: SuppressionStore | None = None


def due_periods(lake: Lake, now: datetime) -> list[Period]:
    """Days of the last week, and the month before this one, that are over and have no final report; oldest first.

    What is due is read from what is there: a run that did not take place is made up for by the next. What
    retention has taken can be due no more: keep batches for longer than a month.
    """
    began = _began(lake)
    if began is None:
        return []
    today = now.date()
    days = [Period.day(today - number * timedelta(days=1)) for number in range(CATCH_UP.days, 0, -1)]
    month = Period.month(today.replace(day=1) - timedelta(days=1))
    final = {(one.kind, one.period) for one in stored_reports(lake) if not one.so_far}
    return [
        period
        for period in [*days, month]
        if period.until > began
        and (period.kind, period.name) not in final
        and not _is_gone(lake, period, began)
    ]


def build(lake: Lake, period: Period, sources: Sources, now: datetime) -> StoredReport:
    """Make the report of a period and store it, in the place of the one before.

    Raises
    ------
    PeriodRefused
        The period has not begun, nothing has been processed yet, or its batches are no longer in the lake; what
        is stored stands.
    """
    began = _began(lake)
    _check(lake, period, began, now)
    made = _report(lake, period, sources, now, began)
    stored = store(lake, made, report_page(made), report_pdf(made))
    log.info(
        "report %s %s: %s transactions, %s alerts",
        period.kind,
        period.name,
        stored.transactions,
        stored.alerts,
    )
    return stored


def _report(lake: Lake, period: Period, sources: Sources, now: datetime, began: datetime | None) -> Report:
    missing: list[date] = []
    if period.kind is Kind.DAILY:
        segments = Segments(sources.segment_of)
        activity = activity_of_day(lake, period.since, period.until, segments, sources.outbox)
    else:
        activity = Activity()
        for day in period.days():
            if day.since > now:
                break
            if began is None or day.until <= began:
                missing.append(day.first)
                continue
            activity += _as_one_point(day, _activity(lake, day, sources, now))
    since, until = period.since, period.until
    queue, cases = sources.queue, sources.cases
    days = period.first, period.last + timedelta(days=1)
    return Report(
        kind=period.kind,
        period=period.name,
        since=since,
        until=until,
        made_at=now,
        so_far=now < until,
        days_missing=tuple(missing),
        activity=activity,
        outcome=outcome_of(lake, since, until, now),
        cases=cases_of(queue, cases, since, until) if queue is not None and cases is not None else None,
        rules=rules_over(lake, *days),
        models=models_over(lake, *days),
        drift=drift_of(lake, since, until),
        suppressions=suppressions_of(sources.suppressions.all(), since, until)
        if sources.suppressions
        else None,
    )


def _activity(lake: Lake, day: Period, sources: Sources, now: datetime) -> Activity:
    """Of a day of a month: stored, if nothing can have changed since; counted and stored otherwise."""
    stored = read_report(lake, day)
    if stored is None or stored.so_far or stored.activity.open_deliveries:
        build(lake, day, sources, now)
        stored = read_report(lake, day)
    if stored is None:
        raise RuntimeError(
            f"expected the report of {day.name} to be there after it was stored; look at the lake"
        )
    return stored.activity


def _as_one_point(day: Period, activity: Activity) -> Activity:
    point = Point(since=day.since, transactions=activity.scored, alerts=activity.alerted)
    return activity.model_copy(update={"points": (point,)})


def _is_gone(lake: Lake, period: Period, began: datetime) -> bool:
    """Whether retention may have taken batches of the period."""
    return period.since < began and oldest_batch(lake, Stage.SCORED) > 0


def _began(lake: Lake) -> datetime | None:
    """When the oldest batch that is still there was scored; None before the first."""
    return first_done_at(lake, Stage.SCORED)


def _check(lake: Lake, period: Period, began: datetime | None, now: datetime) -> None:
    if period.since > now:
        raise PeriodRefused(
            f"expected a {period.kind} period that has begun, {period.name} has not; ask later"
        )
    if began is None:
        raise PeriodRefused("expected scored batches in the lake, there are none yet; ask when there are")
    if _is_gone(lake, period, began):
        raise PeriodRefused(
            f"expected the batches of {period.name} in the lake; the oldest there is of {began:%Y-%m-%d %H:%M} UTC, "
            "for retention has taken what was before. What is stored of it stands; ask for a newer period"
        )
