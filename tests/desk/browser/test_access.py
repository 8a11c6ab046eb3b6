"""Every route over HTTP with sessions of Airflow's own login: the wrong role, nobody, and pages of other sites."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path

import pytest
from playwright.sync_api import APIResponse, expect

from plugins.fraud_desk.app import make_app
from tests.desk.bank import MemoryBank
from tests.desk.browser.conftest import OpenDesk
from tests.desk.browser.desk import PREFIX, Desk
from tests.desk.routes import OPEN, REFUSED, filled, routes_of


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Method and path of every route but the customer's."""
    folder: Path = tmp_path_factory.mktemp("routes")
    return [route for route in routes_of(make_app(MemoryBank.at(folder))) if route not in OPEN]


@pytest.fixture(scope="module")
def seen() -> dict[str, str]:
    """The alert these tests knock at, once it is looked up."""
    return {}


@pytest.fixture
def alert_id(desk: OpenDesk, seen: dict[str, str]) -> uuid.UUID:
    """An alert of the stream."""
    if not seen:
        seen["alert"] = desk("analyst").api("/queue?list=ALL")["rows"][0]["alert_id"]
    return uuid.UUID(seen["alert"])


@pytest.mark.parametrize("name", [None, "viewer", "analyst", "approver", "admin"])
def test_every_route(
    desk: OpenDesk, routes: list[tuple[str, str]], alert_id: uuid.UUID, name: str | None
) -> None:
    window, wrong = desk(name), []
    for method, path in routes:
        answer = _ask(window, method, filled(path, alert_id), {"origin": window.airflow})
        if name is None:
            page = method in ("GET", "HEAD") and not path.startswith(("/api/", "/static/"))
            right = answer.status == (303 if page else 401)
        elif (method, path) in REFUSED.get(name, ()):
            right = answer.status == 403
        else:
            right = answer.status not in (401, 403) and answer.status < 500
        if not right:
            wrong.append((method, path, answer.status))
    assert wrong == []


@pytest.mark.parametrize(
    "headers",
    [{}, {"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "same-site"}],
    ids=["no origin", "another origin", "origin null", "a neighbour"],
)
def test_no_change_from_elsewhere(
    desk: OpenDesk, routes: list[tuple[str, str]], alert_id: uuid.UUID, headers: dict[str, str]
) -> None:
    window = desk("admin")
    changing = [(method, path) for method, path in routes if method not in ("GET", "HEAD")]
    assert ("POST", "/api/alerts/{alert_id}/act") in changing
    wrong = []
    for method, path in changing:
        answer = _ask(window, method, filled(path, alert_id), headers)
        if answer.status != 403:
            wrong.append((method, path, answer.status))
    assert wrong == []


@pytest.mark.parametrize("foreign", ["http://evil.example", "http://127.0.0.1:7777"], ids=["site", "port"])
def test_a_form_on_a_page_elsewhere(desk: OpenDesk, alert_id: uuid.UUID, foreign: str) -> None:
    """A browser signed in here opens a page that posts here: from another site, and from another port of this host."""
    window = desk("analyst")
    window.watched.forgive("401 (Unauthorized)", "403 (Forbidden)")
    before = window.api(f"/alerts/{alert_id}")["case"]["version"]
    target = f"{window.airflow}{PREFIX}/api/alerts/{alert_id}/act"
    # The field's name and value make a JSON document of a form sent as plain text.
    body = json.dumps({"action": "comment", "comment": "I was not here", "version": before})[:-1]
    field = f"<input name='{body}, \"x\": \"' value='\"}}'>"
    form = f"<form method=post enctype=text/plain action='{target}'>{field}</form>"
    html = f"{form}<script>document.forms[0].submit()</script>"
    page = window.page
    page.route(f"{foreign}/", lambda route: route.fulfill(body=html, content_type="text/html"))
    with page.expect_response(target) as answered:
        page.goto(f"{foreign}/")
    assert answered.value.status in (401, 403)
    assert window.api(f"/alerts/{alert_id}")["case"]["version"] == before


def test_airflow_says_what_waits_for_a_person(desk: OpenDesk) -> None:
    """The page asks Airflow's API by itself, with the person's session."""
    words = desk("analyst", "/models").page.locator("#approvals-words")
    expect(words).to_have_text(re.compile(r"Nothing waits\.|\d+ questions? to answer in Airflow\."))


def _ask(window: Desk, method: str, path: str, headers: dict[str, str]) -> APIResponse:
    return window.page.request.fetch(
        f"{window.airflow}{path}", method=method, headers=headers, max_redirects=0, timeout=60_000
    )
