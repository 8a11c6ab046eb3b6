"""What goes wrong, told in words: as a page to people, as JSON below ``/api``; never a stack trace."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import urlencode

from confluent_kafka import KafkaException
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException as StarletteHTTPException

from include.cases.errors import ActionRefused, CaseChanged, CasesError, NoSuchAlert, QueryRefused
from include.governance.incidents import open_incidents
from include.stores.cassandra.errors import CassandraStoreError, SchemaMissing
from plugins.fraud_desk.access import NotAllowed, SignInNeeded, who_asks
from plugins.fraud_desk.bank import bank_of
from plugins.fraud_desk.customer_page import is_customers, refused
from plugins.fraud_desk.headers import ALWAYS
from plugins.fraud_desk.origin import ForeignOrigin
from plugins.fraud_desk.rendering import airflow_root, page, route_of

log = logging.getLogger(__name__)

_RETRY_SECONDS = 5


class Failure(BaseModel):
    """What the API says when something does not work."""

    error: str
    code: str  # for programs: changed, refused, not_found, not_allowed, sign_in, unavailable …


#: Status, code and title of what the domain refuses.
_REFUSALS: dict[type[CasesError], tuple[int, str, str]] = {
    CaseChanged: (409, "changed", "Changed meanwhile"),
    NoSuchAlert: (404, "not_found", "No such alert"),
    QueryRefused: (400, "refused", "The queue cannot be asked this"),
    ActionRefused: (422, "refused", "This cannot be done"),
}


def install(app: FastAPI) -> None:
    """Tell the application what to answer to which error."""
    handlers: dict[type[Exception], Callable[..., Response | Awaitable[Response]]] = {
        SignInNeeded: _sign_in,
        NotAllowed: _not_allowed,
        ForeignOrigin: _foreign,
        CasesError: _case_refused,
        CassandraStoreError: _store_away,
        KafkaException: _kafka_away,
        RequestValidationError: _not_understood,
        StarletteHTTPException: _http,
        Exception: _broken,
    }
    for error, handler in handlers.items():
        app.add_exception_handler(error, handler)


def wants_json(request: Request) -> bool:
    """Whether a program asks."""
    return route_of(request).startswith("/api/")


def answer(
    request: Request, status: int, code: str, title: str, words: str, *, retry: bool = False
) -> Response:
    """An error for whoever asks."""
    headers = {"retry-after": str(_RETRY_SECONDS)} if retry else {}
    response: Response
    if is_customers(request):
        response = refused(status)  # a customer is told nothing about us
    elif wants_json(request):
        response = JSONResponse(Failure(error=words, code=code).model_dump(), status)
    else:
        response = page(request, "failure.html", status=status, title=title, words=words, retry=retry)
    response.headers.update(headers)
    return response


def _sign_in(request: Request, _: SignInNeeded) -> Response:
    route = route_of(request)
    if wants_json(request) or route.startswith("/static/") or request.method not in ("GET", "HEAD"):
        failure = Failure(
            error="Your session is over or you are not signed in. Sign in again.", code="sign_in"
        )
        return JSONResponse(failure.model_dump(), 401)
    back = f"{request.scope.get('root_path', '')}{route}"
    if request.url.query:
        back += f"?{request.url.query}"
    return RedirectResponse(f"{airflow_root(request)}/api/v2/auth/login?{urlencode({'next': back})}", 303)


def _not_allowed(request: Request, error: NotAllowed) -> Response:
    words = (
        f"You are signed in as {error.name}. This needs the role of {_article(error.needed.name.lower())} of the "
        "fraud desk, which follows from your permissions in Airflow; an administrator can grant it."
    )
    return answer(request, 403, "not_allowed", "Not allowed", words)


def _article(role: str) -> str:
    return f"{'an' if role[0] in 'aeiou' else 'a'} {role}"


def _foreign(request: Request, error: ForeignOrigin) -> Response:
    log.warning("a change was refused: %s", error)
    words = "The request did not come from a page of the fraud desk; nothing was changed. Open the desk and try again."
    return answer(request, 403, "foreign_origin", "Not from here", words)


def _case_refused(request: Request, error: CasesError) -> Response:
    status, code, title = _REFUSALS.get(type(error), (400, "refused", "This cannot be done"))
    return answer(request, status, code, title, str(error))


def _store_away(request: Request, error: CassandraStoreError) -> Response:
    log.error("the fraud desk cannot read its stores: %s", error)
    if isinstance(error, SchemaMissing):
        words = (
            "The tables of this version are not in Cassandra yet. Run the DAG initialize_stores; then reload."
        )
    else:
        words = (
            "Cassandra does not answer, so alerts can neither be shown nor changed. Nothing is lost: alerts are "
            "still being raised and kept. The desk comes back by itself as soon as Cassandra does; if that takes "
            "longer, tell the operators." + _known(request)
        )
    return answer(request, 503, "unavailable", "The alert store is away", words, retry=True)


def _known(request: Request) -> str:
    """What the incidents in the lake say, which is there when Cassandra is not; nothing for a customer."""
    try:
        found = [] if is_customers(request) else open_incidents(bank_of(request).lake)
    except OSError as error:
        log.warning("the incidents cannot be read: %s", error)
        return ""
    return "".join(f" Incident since {one.since:%H:%M} UTC: {one.words}." for one in found)


def _kafka_away(request: Request, error: KafkaException) -> Response:
    log.error("the fraud desk cannot reach Kafka: %s", error)
    words = "Kafka does not answer. Try again in a moment; if that does not help, tell the operators."
    return answer(request, 503, "unavailable", "Kafka is away", words, retry=True)


async def _not_understood(request: Request, error: RequestValidationError) -> Response:
    if (stranger := await _stranger(request)) is not None:
        return stranger
    # Not what was sent: that may be a customer's data, and it is shown back to nobody.
    parts = [f"{'.'.join(str(part) for part in one['loc'][1:])}: {one['msg']}" for one in error.errors()]
    return answer(request, 422, "invalid", "Not understood", "; ".join(parts)[:1000])


async def _http(request: Request, error: HTTPException) -> Response:
    if (stranger := await _stranger(request)) is not None:
        return stranger
    if error.status_code == 404:
        return answer(request, 404, "not_found", "Not found", "There is no such page on the fraud desk.")
    phrase = HTTPStatus(error.status_code).phrase
    return answer(request, error.status_code, "refused", phrase, phrase)


async def _stranger(request: Request) -> Response | None:
    """What somebody is told who is not known yet; None for others, and on the customer's page.

    A body is read before the route's dependencies are asked: a broken one must not get past the question who is there.
    """
    if hasattr(request.state, "person") or is_customers(request):
        return None
    try:
        await who_asks(request)
    except SignInNeeded as nobody:
        return _sign_in(request, nobody)
    except NotAllowed as refused_person:
        return _not_allowed(request, refused_person)
    return None


def _broken(request: Request, error: Exception) -> Response:
    log.exception("the fraud desk failed", exc_info=error)
    words = "Something went wrong on our side; it is in the log of Airflow's API server."
    response = answer(request, 500, "broken", "Something went wrong", words)
    # Starlette sends this one answer from outside every middleware.
    for name, value in ALWAYS.items():
        response.headers.setdefault(name, value)
    return response
