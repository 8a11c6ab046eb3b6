"""What a report shows, in which order: the page and the PDF are made of this."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from include.alerts.alert import Severity
from include.reports.bars import Values, named_bars, time_bars
from include.reports.charts import COLOURS, Chart
from include.reports.figures import Activity, CaseFigures, Outcome, Report, Total
from include.reports.layout import (
    NOTHING,
    Layout,
    Section,
    Tile,
    count,
    duration,
    moment,
    money,
    percent,
    sums,
    table,
    words,
)
from include.reports.periods import Kind
from include.reports.report_evidence import (
    definitions_section,
    drift_section,
    quality_section,
    suppressions_section,
)

_CAUGHT, _MISSED = "#588157", "#c8553d"
_OPEN = ("OPEN", "IN_REVIEW", "ESCALATED")
_STATES = ("DELIVERED", "DIGESTED", "PENDING", "SENDING", "DEAD")
_SHOWN_TYPOLOGIES = 10


def report_layout(report: Report) -> Layout:
    """The whole report."""
    name = "Day" if report.kind is Kind.DAILY else "Month"
    warnings = []
    if report.so_far:
        warnings.append(f"So far: the {name.lower()} is not over; figures end {moment(report.made_at)}.")
    if report.days_missing:
        warnings.append(
            f"{len(report.days_missing)} days of the month lie before the first batch and are not in it."
        )
    if report.outcome.not_found:
        warnings.append(
            f"{count(report.outcome.not_found)} labelled transactions are not in the quality figures: their batches "
            "are no longer in the lake."
        )
    return Layout(
        title=f"Fraud monitoring, {report.period}{' (so far)' if report.so_far else ''}",
        about=(
            f"{name} {report.period}, {moment(report.since)} to {moment(report.until)}. Made {moment(report.made_at)}; "
            f"labels and decisions as of {moment(report.outcome.as_of)}.",
        ),
        tiles=_tiles(report),
        sections=tuple(_sections(report)),
        warnings=tuple(warnings),
        foot=f"Tidewatch, {report.kind} report {report.period}, figures {report.digest[:12]}",
    )


def _tiles(report: Report) -> tuple[Tile, ...]:
    activity, outcome, cases = report.activity, report.outcome, report.cases
    decided = cases.standing("CONFIRMED", "DISMISSED") if cases else 0
    waiting = cases.standing(*_OPEN) if cases else 0
    dead = sum(one.states.get("DEAD", 0) for one in (activity.channels or {}).values())
    share = activity.alerted / activity.scored if activity.scored else None
    return (
        Tile("Transactions decided", count(activity.scored), f"{count(activity.dead_lettered)} dead-lettered"),
        Tile("Alerts", count(activity.alerted), f"{percent(share)} of transactions"),
        Tile("Precision of alerts", percent(outcome.precision if outcome.false_alerts else None), _labelled(report)),
        Tile("Known fraud alerted", percent(outcome.recall), f"{count(outcome.missed.transactions)} missed"),
        _loss_tile("Loss prevented", outcome.prevented),
        _loss_tile("Loss missed", outcome.missed),
        Tile(
            "Alerts decided",
            count(decided) if cases else NOTHING,
            f"{count(waiting)} wait" if cases else "not asked",
        ),
        Tile(
            "Time to decision, p50",
            duration(cases.to_disposition.percentile(50)) if cases else NOTHING,
            f"{count(dead)} dead deliveries" if activity.channels is not None else "",
        ),
    )  # fmt: skip


def _labelled(report: Report) -> str:
    """What the precision rests on, and why there is none while no alert is labelled genuine."""
    labelled = report.outcome.labelled_alerts
    of = f"{count(labelled)} of {count(report.activity.alerted)} labelled"
    return f"{of}, only frauds so far" if labelled and not report.outcome.false_alerts else of


def _loss_tile(name: str, total: Total) -> Tile:
    """The largest sum, and how many other currencies there are."""
    frauds = f"{count(total.transactions)} frauds"
    if not total.amounts:
        return Tile(name, NOTHING, frauds)
    currency, amount = max(total.amounts.items(), key=lambda pair: pair[1])
    others = len(total.amounts) - 1
    more = f", and {others} other {'currency' if others == 1 else 'currencies'}" if others else ""
    return Tile(name, money(amount, currency), frauds + more)


def _sections(report: Report) -> Iterator[Section]:
    yield _volumes(report)
    yield _alerts(report.activity)
    yield _losses(report.outcome)
    if report.cases is not None:
        yield _cases(report.cases)
    if report.activity.channels is not None:
        yield _deliveries(report.activity)
    yield quality_section(report)
    yield drift_section(report)
    if report.suppressions is not None:
        yield suppressions_section(report)
    yield definitions_section(report)


def _volumes(report: Report) -> Section:
    activity = report.activity
    daily = report.kind is Kind.DAILY
    form, across = ("%H", "hour (UTC)") if daily else ("%d", "day (UTC)")
    moments = [point.since for point in activity.points]
    transactions = Values("transactions", [point.transactions for point in activity.points])
    alerts = Values("alerts", [point.alerts for point in activity.points], COLOURS[1])
    each = "an hour" if daily else "a day"
    rows = [
        (segment, count(total.transactions), sums(total.amounts))
        for segment, total in activity.segments.items()
    ]
    return Section(
        "Volumes",
        charts=(
            time_bars(f"Transactions {each}", across, "", moments, transactions, form),
            time_bars(f"Alerts {each}", across, "", moments, alerts, form),
        ),
        tables=(
            table(
                ("batches", "accepted", "duplicates", "dead-lettered", "decided", "for review"),
                [
                    tuple(
                        count(number)
                        for number in (
                            activity.batches, activity.accepted, activity.duplicates,
                            activity.dead_lettered, activity.scored, activity.reviews,
                        )
                    )
                ],
                texts=0,
                widths=[1] * 6,
            ),
            table(("segment", "transactions", "amount"), rows, title="By customer segment"),
            table(
                ("currency", "amount"),
                [(name, money(amount, name)) for name, amount in activity.total.amounts.items()],
                title="Amounts by currency",
            ),
        ),
    )  # fmt: skip


def _alerts(activity: Activity) -> Section:
    severities = [str(one) for one in reversed(Severity)]
    by_typology: dict[str, Counter[str]] = {}
    for one in activity.alerts:
        by_typology.setdefault(one.typology, Counter())[one.severity] += one.alerts
    ordered = sorted(by_typology.items(), key=lambda pair: (-pair[1].total(), pair[0]))
    rows = [
        (words(name), *(count(found[severity]) for severity in severities), count(found.total()))
        for name, found in ordered
    ]
    if len(rows) > 1:
        total = sum(by_typology.values(), Counter())
        rows.append(("all", *(count(total[severity]) for severity in severities), count(total.total())))
    shown = ordered[:_SHOWN_TYPOLOGIES]
    names = [words(name) for name, _ in shown]
    charts = (
        (
            named_bars(
                "Alerts by suspected typology",
                "alerts",
                names,
                [Values("alerts", [n.total() for _, n in shown])],
            ),
        )
        if shown
        else ()
    )
    return Section(
        "Alerts",
        tables=(table(("suspected typology", *map(str.lower, severities), "all"), rows),),
        charts=charts,
    )


def _losses(outcome: Outcome) -> Section:
    rows = [
        (
            words(loss.typology),
            count(loss.prevented.transactions),
            sums(loss.prevented.amounts),
            count(loss.missed.transactions),
            sums(loss.missed.amounts),
        )
        for loss in outcome.losses
    ]
    if len(rows) > 1:
        rows.append(
            (
                "all",
                count(outcome.prevented.transactions),
                sums(outcome.prevented.amounts),
                count(outcome.missed.transactions),
                sums(outcome.missed.amounts),
            )
        )
    return Section(
        "Quality of alerts, and losses",
        words=(
            f"Of the alerts {count(outcome.labelled_alerts)} have a label by {moment(outcome.as_of)}: "
            f"{count(outcome.fraud_alerts)} fraud, {count(outcome.false_alerts)} legitimate; precision "
            f"{percent(outcome.precision)}. Labels come days later, so the figures of a recent period still change.",
        ),
        charts=tuple(_loss_charts(outcome)),
        tables=(
            table(
                ("suspected typology", "alerted frauds", "loss prevented", "missed frauds", "loss missed"),
                rows,
                note="Prevented: labelled fraud, and alerted. Missed: labelled fraud, never alerted. What that says, "
                "and what not, stands at the end.",
                widths=(5, 3, 5, 3, 5),
            ),
        ),
    )


def _loss_charts(outcome: Outcome) -> Iterator[Chart]:
    shown = outcome.losses[:_SHOWN_TYPOLOGIES]
    if not shown:
        return
    names = [words(loss.typology) for loss in shown]
    yield named_bars(
        "Labelled frauds",
        "transactions",
        names,
        [
            Values("alerted", [loss.prevented.transactions for loss in shown], _CAUGHT),
            Values("missed", [loss.missed.transactions for loss in shown], _MISSED),
        ],
    )
    totals = Counter({**outcome.prevented.amounts})
    totals.update(outcome.missed.amounts)
    currency = max(totals, key=lambda name: totals[name])
    yield named_bars(
        f"Labelled frauds in {currency}",
        currency,
        names,
        [
            Values("prevented", [float(loss.prevented.amounts.get(currency, 0)) for loss in shown], _CAUGHT),
            Values("missed", [float(loss.missed.amounts.get(currency, 0)) for loss in shown], _MISSED),
        ],
    )


def _cases(cases: CaseFigures) -> Section:
    statuses = sorted({one.status for one in cases.counts})
    by_status = {status: cases.standing(status) for status in statuses}
    severities = [str(one) for one in reversed(Severity)]
    found = {(one.status, one.severity): one.cases for one in cases.counts}
    rows = [
        (
            words(status).lower(),
            *(count(found.get((status, severity), 0)) for severity in severities),
            count(by_status[status]),
        )
        for status in statuses
    ]
    times = cases.to_disposition
    return Section(
        "Dispositions",
        words=(
            f"From alert to decision: half within {duration(times.percentile(50))}, 95 % within "
            f"{duration(times.percentile(95))}, of {count(times.count)} decisions. {count(cases.escalated)} cases were "
            f"escalated. {count(cases.standing('SUPPRESSED'))} alerts were told to nobody because of a suppression, "
            f"{count(cases.standing('JOINED'))} joined an earlier one.",
        ),
        tables=(table(("where cases stand", *map(str.lower, severities), "all"), rows),),
    )


def _deliveries(activity: Activity) -> Section:
    channels = activity.channels or {}
    known = [state for state in _STATES if any(one.states.get(state) for one in channels.values())]
    others = sorted({state for one in channels.values() for state in one.states} - set(_STATES))
    states = [*known, *others]
    rows = [
        (
            name,
            *(count(one.states.get(state, 0)) for state in states),
            count(one.retries),
            duration(one.latency.percentile(50)),
            duration(one.latency.percentile(95)),
        )
        for name, one in channels.items()
    ]
    return Section(
        "Deliveries",
        tables=(
            table(
                ("channel", *map(str.lower, states), "retries", "p50", "p95"),
                rows,
                note="p50, p95: from the transaction's arrival at the broker to the hand-over of the message.",
            ),
        ),
    )
