"""The one page that is open to the world: its signed link is the key, and good for one answer.

Whoever tries links, or one link again and again, is told to wait before a store is asked: attempts are counted by
client address, and by alert once a link has proven to be ours, so that forged links fill no memory.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from include.alerts.alert import Alert
from include.cases.answer_limits import AttemptLimit, subscriber
from include.cases.customer_answer import CustomerAnswers
from include.cases.errors import LinkRefused
from plugins.fraud_desk.bank import Bank, Stores, bank_of
from plugins.fraud_desk.customer_page import later, question, refused, thanks

log = logging.getLogger(__name__)

router = APIRouter()

_ANSWERS = {b"answer=genuine": True, b"answer=fraud": False}
#: Longer than any token there is.
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """Attempts at the customers' page, of one process.

    A customer looks and answers: two requests, a few more with a mail scanner and another device. Many customers may
    share an address (a company, a mobile network), so addresses have more.
    """

    addresses: AttemptLimit = field(default_factory=lambda: AttemptLimit(30, 2.0, 20_000))
    links: AttemptLimit = field(default_factory=lambda: AttemptLimit(10, 30.0, 20_000))


class TooOften(Exception):
    """There were too many attempts.

    Parameters
    ----------
    seconds
        After which there is another.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(f"expected fewer attempts, another one is possible in {seconds} s")
        self.seconds = seconds


@router.get("/answer/{token}")
def ask(token: str, request: Request) -> Response:
    """Show the question. Mail scanners follow links: looking decides nothing."""
    try:
        _count_address(request)
        stores, answers = _answers(token, bank_of(request), _limits(request))
        alert = answers.question(token, datetime.now(UTC))
    except LinkRefused as error:
        return _refusal(error)
    except TooOften as error:
        return later(error.seconds)
    return question(alert, _language(stores, alert))


@router.post("/answer/{token}")
async def answer(token: str, request: Request) -> Response:
    """Take the answer. Whoever has the link may give it; no session is involved that another site could use."""
    try:
        _count_address(request)
    except TooOften as error:
        return later(error.seconds)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST:
            return refused(400)
    genuine = _ANSWERS.get(bytes(body))
    if genuine is None or request.headers.get("sec-fetch-site") == "cross-site":
        return refused(400)
    return await run_in_threadpool(_take, token, genuine, bank_of(request), _limits(request))


def _take(token: str, genuine: bool, bank: Bank, limits: AnswerLimits) -> Response:
    try:
        stores, answers = _answers(token, bank, limits)
        now = datetime.now(UTC)
        alert = answers.question(token, now)
        answers.answer(token, genuine, now)
    except LinkRefused as error:
        return _refusal(error)
    except TooOften as error:
        return later(error.seconds)
    return thanks(alert, genuine, _language(stores, alert))


def _limits(request: Request) -> AnswerLimits:
    limits: AnswerLimits = request.app.state.answer_limits
    return limits


def _count_address(request: Request) -> None:
    address = subscriber(request.client.host if request.client else None)
    if seconds := _limits(request).addresses.wait(address):
        log.info("the customers' page was asked too often from one address")
        raise TooOften(seconds)


def _answers(token: str, bank: Bank, limits: AnswerLimits) -> tuple[Stores, CustomerAnswers]:
    if len(token) > _LONGEST:
        raise LinkRefused("forged", "expected a link this bank has sent, got a longer one")
    stores = bank.stores()
    if stores.answers is None:
        raise LinkRefused("unknown", "customers are not asked by this installation")
    alert_id = stores.answers.subject(token, datetime.now(UTC))  # costs no store anything
    if seconds := limits.links.wait(str(alert_id)):
        log.info("the link of alert %s was used too often", alert_id)
        raise TooOften(seconds)
    return stores, stores.answers


def _language(stores: Stores, alert: Alert) -> str:
    if alert.customer_id is None:
        return "en"
    customer = stores.customers.get_many([alert.customer_id]).get(alert.customer_id)
    return customer.language if customer else "en"


def _refusal(error: LinkRefused) -> Response:
    return refused(403 if error.reason == "forged" else 410)
