"""Alarms as a self-contained HTML page, with a plot each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from include.adaptation.drift.alarm import Alarm, Kind
from include.reports.charts import Chart, Series, day_chart
from include.reports.pages import draw, templates

#: What the upright axis says.
_MEASURED = {
    Kind.MISSED_FRAUD: "share of frauds missed",
    Kind.SCORE: "PSI",
    Kind.FEATURE: "PSI",
    Kind.ALERT_RATE: "share alerted",
    Kind.MISSING: "share missing",
    Kind.UNSEEN: "share unseen",
}


def alarms_page(alarms: Sequence[Alarm], made_at: datetime | None = None) -> str:
    """A page that tells alarms in order; says so if there are none.

    Parameters
    ----------
    alarms
        From :func:`include.adaptation.drift.watch`.
    made_at
        Printed on the page; left out where the page must not change from one making to the next.
    """
    return (
        templates("include.adaptation")
        .get_template("alarms.html.j2")
        .render(alarms=[(alarm, draw(chart_of(alarm))) for alarm in alarms], made_at=made_at)
    )


def chart_of(alarm: Alarm) -> Chart:
    """The measure day by day, with onset, threshold and reference."""
    series = Series(
        "", [point.at.timestamp() for point in alarm.series], [point.value for point in alarm.series]
    )
    levels = [("threshold", alarm.threshold)] if alarm.threshold != alarm.reference_value else []
    if alarm.reference_value:
        levels.append(("reference", alarm.reference_value))
    moments = [("since", alarm.since), ("noticed", alarm.noticed_at)]
    title = f"{alarm.subject.replace('_', ' ')}, {alarm.segment}"
    return day_chart(title, _MEASURED[alarm.kind], [series], moments, levels)
