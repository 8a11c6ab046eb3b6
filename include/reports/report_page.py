"""A report as a self-contained HTML page, without scripts, for screens and paper."""

from __future__ import annotations

from include.reports.figures import Report
from include.reports.pages import draw, templates
from include.reports.report_layout import report_layout


def report_page(report: Report) -> str:
    """The whole page."""
    return (
        templates("include.reports")
        .get_template("report.html.j2")
        .render(layout=report_layout(report), draw=draw)
    )
