"""Makes the application that Airflow's API server mounts.

Nothing is open by accident: every route belongs to the router that asks who is there (:func:`access.reader`) and
where a change comes from, and what has no route ends in that router too. Two others stand beside it: the customer's
answer page, whose signed link is its key, and the metrics, with a token of their own (:func:`access.scraper`).
"""

from __future__ import annotations

from fastapi import APIRouter, Depends, FastAPI, HTTPException

from plugins.fraud_desk import failures, files, work_failures
from plugins.fraud_desk.access import reader
from plugins.fraud_desk.bank import Bank
from plugins.fraud_desk.headers import GuardedAnswers
from plugins.fraud_desk.origin import own_origin
from plugins.fraud_desk.pages import PAGES, answer, metrics
from plugins.fraud_desk.watching import Watch

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def make_app(bank: Bank) -> FastAPI:
    """The desk on top of a bank's stores."""
    app = FastAPI(title="Fraud desk", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.bank = bank
    app.state.watch = Watch(bank)
    app.state.exposition = metrics.exposition_of(bank, app.state.watch)
    app.state.answer_limits = answer.AnswerLimits()
    app.include_router(answer.router)
    app.include_router(metrics.router)
    app.include_router(_guarded())
    app.add_middleware(GuardedAnswers)
    failures.install(app)
    work_failures.install(app)
    return app


def _guarded() -> APIRouter:
    guarded = APIRouter(dependencies=[Depends(reader), Depends(own_origin)])
    guarded.include_router(files.router)
    for page in PAGES:
        guarded.include_router(page.router)
    guarded.add_api_route("/{path:path}", _nothing_here, methods=_METHODS)  # after all others
    return guarded


def _nothing_here(path: str) -> None:
    raise HTTPException(404)
