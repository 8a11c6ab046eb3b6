"""Where reports stand: ``reports/<kind>/<period>/report.{json,html,pdf}`` in the lake, and a list of them.

Writing the report of a period again replaces it. The list is written last, so what stands in it is whole; reports
have one writer, the pool of the DAG.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from include.reports.figures import SCHEMA, Report
from include.reports.periods import Kind, Period
from include.stores.lake.files import Lake

FOLDER = "reports"
_INDEX = f"{FOLDER}/index.json"


class StoredReport(BaseModel):
    """A report in the list.

    Attributes
    ----------
    digest
        Of what it says; another one after the same period was reported on again means other figures.
    labelled_alerts, false_alerts
        Alerts with a label, and with one that says genuine; None in lists of older releases.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Kind
    period: str
    made_at: datetime
    so_far: bool
    digest: str
    transactions: int
    alerts: int
    precision: float | None
    labelled_alerts: int | None = None
    false_alerts: int | None = None

    @property
    def folder(self) -> str:
        """Of its files, in the lake."""
        return folder_of(Period.parse(self.kind, self.period))


def folder_of(period: Period) -> str:
    """Folder of the report of a period, in the lake."""
    return f"{FOLDER}/{period.kind}/{period.name}"


def store(lake: Lake, report: Report, page: str, pdf: bytes) -> StoredReport:
    """Put a report where it belongs, in the place of the one of its period before."""
    folder = folder_of(report.of)
    lake.write_bytes(f"{folder}/report.html", page.encode("utf-8", "replace"))
    lake.write_bytes(f"{folder}/report.pdf", pdf)
    lake.write_bytes(f"{folder}/report.json", report.model_dump_json(indent=1).encode())
    entry = StoredReport(
        kind=report.kind,
        period=report.period,
        made_at=report.made_at,
        so_far=report.so_far,
        digest=report.digest,
        transactions=report.activity.scored,
        alerts=report.activity.alerted,
        precision=report.outcome.precision,
        labelled_alerts=report.outcome.labelled_alerts,
        false_alerts=report.outcome.false_alerts,
    )
    others = [one for one in stored_reports(lake) if (one.kind, one.period) != (entry.kind, entry.period)]
    entries = sorted([*others, entry], key=lambda one: (one.kind, one.period))
    lake.write_json(_INDEX, [one.model_dump(mode="json") for one in entries])
    return entry


def stored_reports(lake: Lake, kind: Kind | None = None) -> list[StoredReport]:
    """All reports, or those of a kind; the newest period first."""
    entries = [StoredReport.model_validate(row) for row in lake.read_json(_INDEX) or []]
    chosen = [one for one in entries if kind is None or one.kind is kind]
    return sorted(chosen, key=lambda one: one.period, reverse=True)


def read_report(lake: Lake, period: Period) -> Report | None:
    """The figures of a period; None if there is no report, or one with figures of another release."""
    document = lake.read_json(f"{folder_of(period)}/report.json")
    if document is None or document.get("schema_version") != SCHEMA:
        return None
    try:
        return Report.model_validate(document)
    except ValidationError:
        return None


def delete_reports(lake: Lake, kind: Kind, made_before: datetime) -> int:
    """Delete the reports of a kind that were made before a moment (aware); returns how many.

    The list goes first: what stands in it is whole.
    """
    entries = stored_reports(lake)
    old = [one for one in entries if one.kind is kind and one.made_at < made_before]
    if old:
        left = sorted((one for one in entries if one not in old), key=lambda one: (one.kind, one.period))
        lake.write_json(_INDEX, [one.model_dump(mode="json") for one in left])
    for one in old:
        lake.delete_folder(one.folder)
    return len(old)
