"""Models: the champion, those that want its place, quality from labels, drift, and what waits for a person."""

from __future__ import annotations

import re

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from include.reports.csv_export import MODEL_COLUMNS
from plugins.fraud_desk.bank import BankDep
from plugins.fraud_desk.documents import document
from plugins.fraud_desk.rendering import page
from plugins.fraud_desk.spans import DAYS, DaysDep, period
from plugins.fraud_desk.taking_out import as_csv

router = APIRouter()

_ALARM = re.compile(r"[0-9a-f]{16}")


@router.get("/models", response_class=HTMLResponse)
def models_page(request: Request, bank: BankDep, days: DaysDep) -> HTMLResponse:
    """The page. What waits for approval the browser asks of Airflow, with the person's own permissions."""
    from plugins.fraud_desk.model_view import models  # only now: see rules

    return page(
        request,
        "models.html",
        section="models",
        found=models(bank.lake, *period(days)),
        days=days,
        choices=DAYS,
    )


@router.get("/models.csv")
def models_csv(bank: BankDep, days: DaysDep) -> Response:
    """Quality by day and version as a file; nothing of persons, so for everybody who may read."""
    from include.pipeline.rule_quality import model_quality  # only now: see rules

    return as_csv(model_quality(bank.lake, *period(days)), MODEL_COLUMNS, f"models-{days}-days.csv")


@router.get("/models/alarms/{alarm_id}")
def alarm_document(alarm_id: str, bank: BankDep) -> Response:
    """The page of an alarm, as it was told."""
    from include.pipeline.drift import FOLDER

    if not _ALARM.fullmatch(alarm_id):
        raise HTTPException(404)
    return document(bank.lake, f"{FOLDER}/alarms/{alarm_id}.html", f"alarm-{alarm_id}")
