"""The one page that is open to the world: its signed link is the key, and good for one answer."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from include.alerts.alert import Alert
from include.cases.customer_answer import CustomerAnswers
from include.cases.errors import LinkRefused
from plugins.fraud_desk.bank import Bank, Stores, bank_of
from plugins.fraud_desk.customer_page import question, refused, thanks

router = APIRouter()

_ANSWERS = {b"answer=genuine": True, b"answer=fraud": False}
#: Longer than any token there is.
_LONGEST = 200


@router.get("/answer/{token}")
def ask(token: str, request: Request) -> Response:
    """Show the question. Mail scanners follow links: looking decides nothing."""
    try:
        stores, answers = _answers(token, bank_of(request))
        alert = answers.question(token, datetime.now(UTC))
    except LinkRefused as error:
        return _refusal(error)
    return question(alert, _language(stores, alert))


@router.post("/answer/{token}")
async def answer(token: str, request: Request) -> Response:
    """Take the answer. Whoever has the link may give it; no session is involved that another site could use."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST:
            return refused(400)
    genuine = _ANSWERS.get(bytes(body))
    if genuine is None or request.headers.get("sec-fetch-site") == "cross-site":
        return refused(400)
    return await run_in_threadpool(_take, token, genuine, bank_of(request))


def _take(token: str, genuine: bool, bank: Bank) -> Response:
    try:
        stores, answers = _answers(token, bank)
        now = datetime.now(UTC)
        alert = answers.question(token, now)
        answers.answer(token, genuine, now)
    except LinkRefused as error:
        return _refusal(error)
    return thanks(alert, genuine, _language(stores, alert))


def _answers(token: str, bank: Bank) -> tuple[Stores, CustomerAnswers]:
    if len(token) > _LONGEST:
        raise LinkRefused("forged", "expected a link this bank has sent, got a longer one")
    stores = bank.stores()
    if stores.answers is None:
        raise LinkRefused("unknown", "customers are not asked by this installation")
    return stores, stores.answers


def _language(stores: Stores, alert: Alert) -> str:
    if alert.customer_id is None:
        return "en"
    customer = stores.customers.get_many([alert.customer_id]).get(alert.customer_id)
    return customer.language if customer else "en"


def _refusal(error: LinkRefused) -> Response:
    return refused(403 if error.reason == "forged" else 410)
