"""The latter part of a report: rules, models, drift, suppressions, and what the figures mean."""

from __future__ import annotations

from include.reports.figures import Report
from include.reports.layout import Section, count, moment, percent, table
from include.reports.periods import Kind


def quality_section(report: Report) -> Section:
    """What rules and models came to."""
    rules = [
        (
            one.rule_id,
            *map(count, (one.hits, one.alone, one.labelled, one.fraud)),
            percent(one.precision if one.legitimate else None),
        )
        for one in report.rules
    ]
    models = [
        (
            one.model_version or "rules alone",
            *map(count, (one.transactions, one.alerts, one.reviews, one.fraud)),
            percent(one.precision if one.alerted_legitimate else None),
            percent(one.recall),
        )
        for one in report.models
    ]
    of_rules = ("rule", "hits", "alone", "labelled", "fraud", "precision")
    of_models = ("model", "transactions", "alerts", "reviews", "known fraud", "precision", "recall")
    tables = (
        table(of_rules, rules, title="Rules", widths=(5, 2, 2, 2, 2, 2)),
        table(of_models, models, title="Models", widths=(5, 3, 2, 2, 3, 3, 2)),
    )
    return Section(
        "Rules and models",
        words=(
            "By the transactions' own time, in UTC days, as far as measure_quality has counted; precision and recall "
            "of what has a label. Alone: no other rule hit.",
        ),
        tables=tables,
    )


def drift_section(report: Report) -> Section:
    """Alarms told in the period."""
    rows = [
        (moment(note.told_at), note.sentence, moment(note.since), percent(note.confidence))
        for note in report.drift
    ]
    return Section(
        "Drift",
        tables=(
            table(("told", "alarm", "since (estimate)", "confidence"), rows, texts=3, widths=(4, 9, 4, 3)),
        ),
    )


def suppressions_section(report: Report) -> Section:
    """What nobody was to be told of."""
    rows = [
        (f"{one.scope}: {one.value}", one.reason, one.author, moment(one.since), moment(one.until))
        for one in report.suppressions or ()
    ]
    return Section(
        "Suppressions in force",
        tables=(table(("what", "why", "who", "from", "until"), rows, texts=5, widths=(4, 6, 3, 4, 4)),),
    )


def definitions_section(report: Report) -> Section:
    """How to read the figures."""
    lines = [
        "Accepted, duplicates and dead letters: of the batches accepted in the period, by when they were completed. "
        "Decided, segments, amounts and alerts: of the batches scored in the period. "
        "Deliveries: those made in the period. Dispositions: of the alerts raised in it.",
        "Amounts are exact decimals in the currency of the transaction; nothing is converted.",
        "Loss prevented: the amounts of transactions that were alerted and are labelled fraud; whether the payment was "
        "stopped in time is not known here, so it is what could be prevented. Loss missed: the amounts of transactions "
        "labelled fraud that were never alerted; what nobody has labelled is in neither. Labels name no typology: "
        "it is that of the decision.",
        "Of several labels on a transaction the strongest counts: charge-back, then analyst, then customer.",
        "Percentiles come from histograms with buckets of two per cent, and are within one per cent.",
    ]
    if report.kind is Kind.MONTHLY:
        lines.append(
            "Volumes, alerts and deliveries of the month are the sum of its days, as counted when these were over; "
            "labels, losses and dispositions are counted anew for the whole month."
        )
    return Section("What the figures mean", words=tuple(lines))
