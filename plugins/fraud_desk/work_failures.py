"""What goes wrong on the pages of dead letters, rules, models and reports, told in words."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request, Response

from include.governance.audit import AuditError
from include.governance.errors import GovernanceError
from include.reports.periods import PeriodRefused
from include.transactions.errors import DeliveryFailed, PlaceRefused, ResendRefused, TopicsUnavailable
from plugins.fraud_desk.failures import answer

log = logging.getLogger(__name__)


def install(app: FastAPI) -> None:
    """Tell the application what to answer to which error."""
    app.add_exception_handler(ResendRefused, _resend_refused)
    app.add_exception_handler(DeliveryFailed, _not_confirmed)
    app.add_exception_handler(TopicsUnavailable, _topic_away)
    app.add_exception_handler(GovernanceError, _book)
    app.add_exception_handler(AuditError, _audit)
    app.add_exception_handler(PeriodRefused, _period)


def _resend_refused(request: Request, error: Exception) -> Response:
    status = 404 if isinstance(error, PlaceRefused) else 422
    return answer(request, status, "refused", "This cannot be sent again", str(error))


def _not_confirmed(request: Request, error: Exception) -> Response:
    log.error("a dead letter could not be sent again: %s", error)
    words = (
        "Kafka did not confirm the record, so nobody knows whether it arrived. Nothing is lost and nothing is doubled: "
        "in two minutes it can be taken up from its page, and is then sent at most once more."
    )
    return answer(request, 503, "unavailable", "Not confirmed", words)


def _topic_away(request: Request, error: Exception) -> Response:
    log.error("the dead letters cannot be read: %s", error)
    words = "Kafka does not give the dead letters; they are safe there. Try again in a moment."
    return answer(request, 503, "unavailable", "The dead letters are away", words, retry=True)


def _book(request: Request, error: Exception) -> Response:
    return answer(request, 422, "refused", "The rule book cannot do this", str(error))


def _audit(request: Request, error: Exception) -> Response:
    log.error("the desk's audit chain: %s", error)
    words = (
        "What is done here has to be on record, and the record cannot be written at the moment. Try again; if it "
        "stays like this, tell the operators to look at the desk's audit chain."
    )
    return answer(request, 503, "unavailable", "The record cannot be written", words)


def _period(request: Request, error: Exception) -> Response:
    return answer(request, 422, "refused", "No such period", str(error))
