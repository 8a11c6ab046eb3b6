"""Exports: the file of a case as PDF and JSON, and the queue as CSV."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from itertools import chain

from fastapi import APIRouter, Response

from include.cases.errors import NoSuchAlert
from include.cases.paging import every_page
from include.reports.case_file import CaseFile, case_file
from include.reports.csv_export import QUEUE_COLUMNS
from plugins.fraud_desk.access import Person
from plugins.fraud_desk.asking import AskedDep
from plugins.fraud_desk.bank import Stores, StoresDep
from plugins.fraud_desk.taking_out import Taker, taken_out

router = APIRouter()

#: Rows that are asked of the store at a time.
_PIECE = 200
#: Transactions of the account in a case file: so long before and after the alert, and at most so many.
_AROUND, _MOST_BEFORE, _MOST_AFTER = timedelta(days=30), 500, 200
_MOMENT = timedelta(microseconds=1)


@router.get("/alerts/{alert_id}/case.pdf")
def case_as_pdf(alert_id: uuid.UUID, stores: StoresDep, person: Taker) -> Response:
    """The file of a case, for people."""
    from include.reports.case_pdf import case_pdf  # only now: it takes a second to import

    file = _file(stores, alert_id, person, "pdf")
    return _kept(case_pdf(file), "application/pdf", f"case-{alert_id}.pdf")


@router.get("/alerts/{alert_id}/case.json")
def case_as_json(alert_id: uuid.UUID, stores: StoresDep, person: Taker) -> Response:
    """The file of a case, exact, with its digest."""
    file = _file(stores, alert_id, person, "json")
    return _kept(file.to_json(), "application/json", f"case-{alert_id}.json")


@router.get("/queue.csv")
def queue_csv(asked: AskedDep, stores: StoresDep, person: Taker) -> Response:
    """The queue as its address asks for it, without pages."""
    query = asked.query(person.name, datetime.now(UTC), _PIECE)
    detail = {"address": asked.address()}
    rows = chain.from_iterable(every_page(stores.queue, query))
    return taken_out(stores.audit, person, "queue", detail, rows, QUEUE_COLUMNS, "alerts.csv")


def _file(stores: Stores, alert_id: uuid.UUID, person: Person, form: str) -> CaseFile:
    """Put the file together, and on record who took it out of the bank."""
    alert = stores.alerts.get(alert_id)
    if alert is None:
        raise NoSuchAlert(f"expected an alert {alert_id}, there is none; look it up in the queue again")
    now, at = datetime.now(UTC), alert.occurred_at
    repeats = stores.handlings.repeats([alert_id]).get(alert_id, [])
    # Each side for itself: what came after must not push out what led to it, nor the transaction itself.
    before = stores.past.history(alert.account_id, at - _AROUND, at + _MOMENT, _MOST_BEFORE)
    after = stores.past.history(alert.account_id, at + _MOMENT, at + _AROUND, _MOST_AFTER)
    file = case_file(
        alert,
        stores.casework.current([alert_id])[alert_id],
        stores.cases.history(alert_id),
        [*before, *after],
        stores.outbox.of_alert(alert_id),
        stores.labels.get_many([alert.transaction_id]).get(alert.transaction_id, []),
        person.name,
        now,
        stores.alerts.get_many(repeats).values(),
        are_all=len(before) < _MOST_BEFORE and len(after) < _MOST_AFTER,
    )
    detail = {"form": form, "sha256": file.sha256, "at": now}
    stores.audit.note(
        "case exported", person.name, f"alert {alert_id}", detail, f"export:{alert_id}:{uuid.uuid4()}"
    )
    return file


def _kept(content: bytes, media_type: str, name: str) -> Response:
    return Response(
        content, media_type=media_type, headers={"content-disposition": f'attachment; filename="{name}"'}
    )
