"""A back-test as a self-contained HTML page with plots, and in a few lines of Markdown for whoever approves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from include.pipeline.backtest_record import BacktestRecord, Day
from include.reports.charts import COLOURS, Chart, Series, day_chart
from include.reports.pages import draw, templates

#: As many rules have a curve and a row in the overlap; the table has them all.
_SHOWN = 8
#: Of a chart's box: two stand side by side.
_WIDTH = 360


def backtest_page(record: BacktestRecord) -> str:
    """The whole page."""
    shown = _most_hits(record)
    return (
        templates("include.pipeline")
        .get_template("backtest.html.j2")
        .render(
            record=record,
            drawings=[draw(_hits_chart(record, shown)), draw(_alerts_chart(record))],
            shown=shown,
            percent=_percent,
        )
    )


def backtest_words(record: BacktestRecord) -> str:
    """What an approver has to know, in Markdown."""
    before, after = record.alerts("before"), record.alerts("after")
    budget = sum(day.budget for day in record.days)
    lines = [
        f"**Back-test** `{record.backtest_id}`: {record.rows:,} transactions of {len(record.days)} days, "
        f"{record.frauds:,} known frauds.",
        "",
        "| | live | with the draft |",
        "|---|---|---|",
        f"| alerts (the models' budget: {budget:,.0f}) | {before.hits:,} | {after.hits:,} |",
        f"| precision of alerts, where labelled | {_percent(before.precision)} | {_percent(after.precision)} |",
        f"| share of known frauds alerted on | {_percent(before.recall(record.frauds))} "
        f"| {_percent(after.recall(record.frauds))} |",
    ]
    if mine := record.rules.get(record.order.rule_id):
        lines += [
            "",
            f"The draft hits {mine.hits:,} transactions, {record.alone(record.order.rule_id):,} of them alone; "
            f"precision {_percent(mine.precision)}, recall {_percent(mine.recall(record.frauds))}.",
        ]
    if record.differs:
        lines += [
            "",
            f"**{record.differs:,} transactions were decided otherwise live: ask why before approving.**",
        ]
    return "\n".join(lines)


def _most_hits(record: BacktestRecord) -> list[str]:
    """The rules with the most hits, the draft among them in any case."""
    shown = list(record.rules)[:_SHOWN]
    draft = record.order.rule_id
    if draft in record.rules and draft not in shown:
        shown[-1] = draft
    return shown


def _hits_chart(record: BacktestRecord, shown: list[str]) -> Chart:
    series = [
        _steps(rule, record.days, [record.hits_on(day.day, rule) for day in record.days], colour)
        for rule, colour in zip(shown, COLOURS, strict=False)
    ]
    return day_chart("Hits a day", "transactions", series, width=_WIDTH)


def _alerts_chart(record: BacktestRecord) -> Chart:
    days = record.days
    series = [_steps("alerts with the live set", days, [day.alerts_before for day in days], COLOURS[0])]
    if record.order.rule_id:
        series.append(_steps("alerts with the draft", days, [day.alerts_after for day in days], COLOURS[1]))
    series.append(_steps("budget of the models", days, [day.budget for day in days], "#777777"))
    return day_chart("Alerts a day", "transactions", series, width=_WIDTH)


def _steps(name: str, days: tuple[Day, ...], values: list[int] | list[float], colour: str) -> Series:
    """A value a day as a line that stays for the day, so that a single day can be seen too."""
    across, up = [], []
    for day, value in zip(days, values, strict=True):
        begin = datetime.fromisoformat(day.day).replace(tzinfo=UTC)
        across += [begin.timestamp(), (begin + timedelta(days=1)).timestamp()]
        up += [float(value), float(value)]
    return Series(name, across, up, colour)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"
