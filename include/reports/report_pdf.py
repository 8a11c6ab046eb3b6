"""A report as PDF, with the figures and plots of its page."""

from __future__ import annotations

from include.reports.figures import Report
from include.reports.pdf import pdf
from include.reports.report_layout import report_layout


def report_pdf(report: Report) -> bytes:
    """The whole document."""
    return pdf(report_layout(report), report.made_at)
