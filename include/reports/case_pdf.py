"""A case file as PDF: what it says in JSON, for people; the digest on every page ties the two together."""

from __future__ import annotations

from include.alerts.delivery_masking import shown_error, shown_recipient
from include.reports.case_file import SCHEMA, CaseFile
from include.reports.layout import NOTHING, Layout, Section, Tile, moment, money, table, words
from include.reports.pdf import pdf

_SHOWN_CONTRIBUTIONS = 12
_PAIR = (2, 5)


def case_pdf(file: CaseFile) -> bytes:
    """The whole document."""
    return pdf(case_layout(file), file.made_at)


def case_layout(file: CaseFile) -> Layout:
    """What it shows, in which order."""
    alert, case = file.alert, file.case
    decided = {True: "fraud", False: "not fraud", None: "not decided"}[case.is_fraud]
    return Layout(
        title=f"Case file {alert.alert_id}",
        about=(
            f"Exported {moment(file.made_at)} by {file.made_by}. Times are UTC. The exact content is the JSON of the "
            f"same export ({SCHEMA}).",
            f"SHA-256 of the content: {file.sha256}",
        ),
        tiles=(
            Tile("Decision", decided, words(str(case.status)).lower()),
            Tile("Severity", str(alert.severity).lower(), words(alert.typology)),
            Tile("Amount", money(alert.amount, alert.currency), words(alert.transaction_type).lower()),
            Tile("Score", NOTHING if alert.score != alert.score else f"{alert.score:.4f}", alert.model_version),
        ),
        sections=(
            _subject(file),
            _reasons(file),
            *([_repeats(file)] if file.repeats else []),
            _history(file),
            _labels(file),
            _transactions(file),
            _deliveries(file),
        ),
        foot=f"Case file, SHA-256 {file.sha256}",
    )  # fmt: skip


def _subject(file: CaseFile) -> Section:
    alert = file.alert
    rows = [
        ("transaction", alert.transaction_id),
        ("account", alert.account_id),
        ("customer", alert.customer_id or NOTHING),
        ("counterparty", alert.counterparty_id),
        ("amount", money(alert.amount, alert.currency)),
        ("type, channel, country", f"{alert.transaction_type}, {alert.channel}, {alert.country}"),
        ("occurred", alert.occurred_at.isoformat()),
        ("arrived", alert.arrived_at.isoformat()),
        ("alert raised", alert.raised_at.isoformat()),
    ]
    return Section("Transaction", tables=(table(("", ""), rows, texts=2, widths=_PAIR),))


def _reasons(file: CaseFile) -> Section:
    alert = file.alert
    most = sorted(alert.contributions.items(), key=lambda pair: -abs(pair[1]))[:_SHOWN_CONTRIBUTIONS]
    contributions = [
        (words(name), _value(alert.features.get(name)), f"{weight:+.3f}") for name, weight in most
    ]
    return Section(
        "Why it was alerted",
        words=tuple(f"{place}. {reason}" for place, reason in enumerate(alert.reasons, 1)),
        tables=(
            table(
                ("", ""),
                [
                    ("rules that hit", ", ".join(alert.rule_hits) or NOTHING),
                    ("model", alert.model_version or "none: the rules decided alone"),
                    ("rule set", alert.ruleset_version or NOTHING),
                ],
                texts=2,
                widths=_PAIR,
            ),
            table(
                ("feature", "value", "contribution (log-odds)"),
                contributions,
                title="What weighed most in the score",
                note=f"All {len(alert.features)} features stand in the JSON.",
            ),
        ),
    )


def _repeats(file: CaseFile) -> Section:
    rows = [
        (
            str(one.alert_id),
            f"{one.occurred_at:%Y-%m-%d %H:%M:%S}",
            f"{one.transaction_id}\nto {one.counterparty_id}",
            "\n".join(one.reasons),
            money(one.amount, one.currency),
        )
        for one in file.repeats
    ]
    header = ("alert", "occurred", "transaction", "why", "amount")
    return Section(
        "Repeats, decided with it",
        tables=(table(header, rows, texts=4, widths=(5, 4, 5, 7, 4)),),
    )


def _history(file: CaseFile) -> Section:
    rows = [
        (
            str(event.case.version),
            f"{event.deed.at:%Y-%m-%d %H:%M:%S}",
            event.deed.actor,
            words(str(event.deed.action)),
            event.deed.comment or (f"to {event.deed.assignee}" if event.deed.assignee else ""),
            words(str(event.case.status)).lower(),
        )
        for event in file.history
    ]
    header = ("", "when", "who", "did", "comment", "then")
    return Section("Who did what", tables=(table(header, rows, texts=6, widths=(1, 5, 4, 4, 9, 3)),))


def _labels(file: CaseFile) -> Section:
    rows = [
        (one.source.lower(), "fraud" if one.is_fraud else "legitimate", moment(one.labelled_at))
        for one in file.labels
    ]
    on_its_way = "The label of the decision is still on its way: it goes through its topic like all labels."
    return Section(
        "Labels",
        words=(on_its_way,) if file.label_on_its_way else (),
        tables=(table(("source", "says", "when"), rows, texts=3),),
    )


def _transactions(file: CaseFile) -> Section:
    alerted = {file.alert.transaction_id, *(one.transaction_id for one in file.repeats)}
    rows = [
        (
            f"{one.occurred_at:%Y-%m-%d %H:%M:%S}",
            f"{'» ' if one.transaction_id in alerted else ''}{one.transaction_id}",
            one.counterparty_id,
            f"{one.transaction_type}\n{one.channel}, {one.country}",
            money(one.amount, one.currency),
        )
        for one in file.transactions
    ]
    header = ("when", "transaction", "counterparty", "how", "amount")
    note = "» alerted on in this case" + ("" if file.are_all else "; there are more in these days")
    return Section(
        "Transactions of the account around it",
        tables=(table(header, rows, texts=4, widths=(4, 6, 5, 5, 4), note=note),),
    )


def _deliveries(file: CaseFile) -> Section:
    rows = [
        (
            one.channel,
            shown_recipient(one),
            one.audience,
            str(one.state).lower(),
            str(one.attempts),
            moment(one.delivered_at),
            shown_error(one) or "",
        )
        for one in file.deliveries
    ]
    header = ("channel", "to", "audience", "state", "attempts", "handed over", "last error")
    return Section("Who was told", tables=(table(header, rows, texts=7, widths=(2, 5, 3, 3, 2, 4, 5)),))


def _value(value: float | None) -> str:
    return NOTHING if value is None or value != value else f"{value:,.6g}"
