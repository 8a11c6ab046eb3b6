"""Reports of days and months: the list, the documents, and having one made."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from include.reports.archive import folder_of, stored_reports
from include.reports.periods import Kind, Period
from plugins.fraud_desk.bank import BankDep
from plugins.fraud_desk.documents import document
from plugins.fraud_desk.rendering import page
from plugins.fraud_desk.runs import StartingDep

router = APIRouter()


@router.get("/reports", response_class=HTMLResponse)
def reports_page(request: Request, bank: BankDep, may: StartingDep) -> HTMLResponse:
    """The list, the newest period first."""
    return page(
        request,
        "reports.html",
        section="reports",
        daily=stored_reports(bank.lake, Kind.DAILY),
        monthly=stored_reports(bank.lake, Kind.MONTHLY),
        may_build=may("build_reports"),
    )


@router.get("/reports/{kind}/{period}/report.{form}")
def report_document(kind: str, period: str, form: Literal["html", "pdf", "json"], bank: BankDep) -> Response:
    """One document of a report; its place is made of the period, so no other file can be asked for."""
    of = Period.parse(kind, period)
    return document(bank.lake, f"{folder_of(of)}/report.{form}", f"{of.kind}-{of.name}")
