"""A report in a few lines, for a mail that says where the whole is."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from include.reports.figures import Report
from include.reports.layout import NOTHING, count, money, percent
from include.reports.periods import Kind

Language = Literal["en", "de"]


class Subscriber(BaseModel):
    """Somebody who gets reports.

    Attributes
    ----------
    kinds
        Which; all by default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    language: Language = "en"
    kinds: tuple[Kind, ...] = (Kind.DAILY, Kind.MONTHLY)


_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "subject": "Fraud monitoring {period}: {alerts} alerts",
        "volumes": "{scored} transactions were decided, {duplicates} duplicates and {dead} dead letters set aside.",
        "alerts": "{alerts} alerts, of which {labelled} have a label so far; precision {precision}, known fraud "
        "alerted {recall}.",
        "loss": "Fraud that was alerted: {prevented}. Fraud that was missed: {missed}.",
        "link": "The whole report, also as PDF: {link}",
    },
    "de": {
        "subject": "Betrugsüberwachung {period}: {alerts} Alarme",
        "volumes": "{scored} Transaktionen wurden entschieden, {duplicates} Doppel und {dead} fehlerhafte Sätze "
        "ausgesondert.",
        "alerts": "{alerts} Alarme, davon {labelled} bisher beurteilt; Trefferquote {precision}, erkannter Anteil "
        "des bekannten Betrugs {recall}.",
        "loss": "Betrug mit Alarm: {prevented}. Betrug ohne Alarm: {missed}.",
        "link": "Der ganze Bericht, auch als PDF: {link}",
    },
}


def summary(report: Report, language: Language, link: str) -> tuple[str, list[str]]:
    """Subject and paragraphs.

    Parameters
    ----------
    link
        Where the desk shows the report; "" where nobody said where the desk is.
    """
    activity, outcome, words = report.activity, report.outcome, _WORDS[language]
    values = {
        "period": report.period,
        "alerts": count(activity.alerted),
        "scored": count(activity.scored),
        "duplicates": count(activity.duplicates),
        "dead": count(activity.dead_lettered),
        "labelled": count(outcome.labelled_alerts),
        "precision": percent(outcome.precision),
        "recall": percent(outcome.recall),
        "prevented": _sums(report, "prevented"),
        "missed": _sums(report, "missed"),
        "link": link,
    }
    said = {name: text.format(**values) for name, text in words.items() if link or name != "link"}
    return said.pop("subject"), list(said.values())


def _sums(report: Report, which: Literal["prevented", "missed"]) -> str:
    amounts = (report.outcome.prevented if which == "prevented" else report.outcome.missed).amounts
    return ", ".join(money(amount, currency) for currency, amount in amounts.items()) or NOTHING
