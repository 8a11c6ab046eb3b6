"""Every route the desk has, and who may use it; for tests that try them all."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount, Route

from tests.desk.conftest import PREFIX

#: What only some may do; everything else is for every viewer.
ANALYSTS = {
    ("POST", "/api/alerts/{alert_id}/act"),
    ("POST", "/api/queue/act"),
    ("POST", "/api/suppressions"),
    ("POST", "/api/suppressions/{suppression_id}/lift"),
    ("POST", "/api/dead-letters/{place}/check"),
    ("POST", "/api/dead-letters/{place}/resend"),
    ("POST", "/api/dead-letters/{place}/take-up"),
    ("POST", "/api/runs/{dag_id}"),
    ("GET", "/queue.csv"),
    ("GET", "/transactions.csv"),
    ("GET", "/dead-letters.csv"),
    ("GET", "/deliveries.csv"),
    ("GET", "/suppressions.csv"),
    ("GET", "/alerts/{alert_id}/case.json"),
    ("GET", "/alerts/{alert_id}/case.pdf"),
}
APPROVERS = {("POST", "/api/deliveries/{delivery_id}/again"), ("POST", "/api/deliveries/again")}
#: By role, what it may not do.
REFUSED = {"viewer": ANALYSTS | APPROVERS, "analyst": APPROVERS}
#: The customer's page: its signed link is the key.
OPEN = {("GET", "/answer/{token}"), ("POST", "/answer/{token}")}


def _walk(routes: list[BaseRoute], above: str = "") -> Iterator[tuple[str, str]]:
    """Every method and path an application has, those below mounts and included routers too."""
    for route in routes:
        if isinstance(route, APIRoute | Route):
            yield from ((method, above + route.path) for method in sorted(route.methods or ()))
        elif isinstance(route, Mount):
            yield "GET", f"{above}{route.path}/anything"
            yield from _walk(list(route.routes), above + route.path)
        else:
            inner = getattr(route, "original_router", None) or getattr(route, "router", None)
            assert inner is not None, f"expected a route whose paths are known, got {route!r}"
            yield from _walk(list(inner.routes), above)


def routes_of(app: FastAPI) -> list[tuple[str, str]]:
    """Method and path of each route."""
    return sorted(set(_walk(list(app.routes))))


def filled(path: str, alert_id: object) -> str:
    """A path with something in the place of its parameters."""
    known = {"alert_id": str(alert_id), "name": "desk.css"}
    return PREFIX + re.sub(
        r"\{(\w+)(?::path)?\}",
        lambda found: known.get(found[1], "3f2b8a6e-0000-4000-8000-000000000000"),
        path,
    )
