"""The reports of the study: JSON, and an HTML page with plots and the first alarms."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from include.adaptation.study.changes import day_number
from include.adaptation.study.loop import Policy
from include.adaptation.study.operation import moment_of
from include.adaptation.study.outcome import Outcome
from include.reports.charts import COLOURS, Chart, Series, day_chart
from include.reports.pages import draw, templates


def write(outcome: Outcome, folder: Path) -> list[Path]:
    """Write ``drift-study.json`` and ``drift-study.html``; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    drawings = [
        (change, [draw(chart) for chart in charts(outcome, change)])
        for change in sorted({change for change, _ in outcome.names()})
    ]
    page = (
        templates("include.adaptation.study")
        .get_template("study.html.j2")
        .render(outcome=outcome, drawings=drawings)
    )
    written = {"drift-study.json": json.dumps(outcome.document(), indent=1), "drift-study.html": page}
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in written]


def charts(outcome: Outcome, change: str) -> list[Chart]:
    """Average precision of the week before each day, and the alert rate of each week; one curve a policy."""
    onset = moment_of(day_number(outcome.settings.onset))
    precision, rate = [], []
    for policy, colour in zip(Policy, COLOURS, strict=False):
        runs = [run for run in outcome.runs if run.change == change and run.policy == policy]
        for run in runs:
            name = f"{policy}" if run is runs[0] else ""
            precision.append(_series(outcome, name, colour, list(run.rolling)))
            weeks = [(week.first + week.days / 2, week.alert_rate) for week in run.weeks]
            rate.append(_series(outcome, name, colour, weeks))
    triggered = outcome.of(change[0], Policy.TRIGGERED)
    alarm = [run.alarm_after for run in triggered if run.alarm_after is not None]
    moments = [("onset", onset)]
    if alarm:
        moments.append(("first alarm", onset + timedelta(days=min(alarm))))
    before = [("before", triggered[0].before)] if triggered else []
    budget = [("before", triggered[0].alert_rate_before)] if triggered else []
    return [
        day_chart("Average precision of the last 7 days", "average precision", precision, moments, before),
        day_chart("Alerts by the thresholds in use", "share alerted", rate, moments, budget),
    ]


def _series(
    outcome: Outcome, name: str, colour: str, points: list[tuple[int, float]] | list[tuple[float, float]]
) -> Series:
    onset = moment_of(day_number(outcome.settings.onset))
    across = [(onset + timedelta(days=float(day))).timestamp() for day, _ in points]
    return Series(name, across, [value for _, value in points], colour)
