"""The desk's routes against its own OpenAPI description: whatever is asked, no route breaks or tells too much."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import response_schema_conformance

from include.pipeline.models import rule_book
from include.rules.loader import RULES_DIRECTORY
from plugins.fraud_desk.access import Role
from plugins.fraud_desk.app import make_app
from tests.desk.conftest import OURS, PREFIX
from tests.desk.routes import OPEN, routes_of
from tests.desk.serve import filled
from tests.desk.work import Work, event
from tests.fuzzing import fuzzed

Look = Callable[[Any], None]

#: What the queue reads from the address itself, and so does not describe.
_FILTERS = {
    "list": ["OPEN", "CLOSED", "ALL"],
    "sort": ["urgency", "newest", "amount"],
    "status": ["JOINED", "DISMISSED"],
    "severity": ["HIGH", "CRITICAL"],
    "typology": ["unknown"],
    "assignee": ["me"],
    "account": ["A1"],
    "counterparty": ["C1"],
    "amount": ["12.50", "1e11", "NaN", "-0", "1e999999999"],
    "since": ["0001-01-01", "9999-12-31", "2026-02-30"],
    "until": ["0001-01-01", "9999-12-31", "2026-W01-1"],
}
_ASKED = {"/queue", "/api/queue", "/api/queue/news", "/queue/next/{alert_id}", "/queue.csv"}
#: Routes of which something must have been found in the bank of the tests.
_REACHED = {
    "GET /queue",
    "GET /queue.csv",
    "GET /alerts/{alert_id}",
    "GET /alerts/{alert_id}/case.pdf",
    "GET /dead-letters/{place}",
    "GET /rules/{rule_id}",
    "POST /api/suppressions",
    "POST /api/dead-letters/{place}/check",
    "POST /api/runs/{dag_id}",
}
_KINDS = ("text/html", "application/json", "text/csv", "application/pdf", "text/css", "text/javascript")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    """The desk over a filled bank, with a few dead letters."""
    one = Work(filled(tmp_path_factory.mktemp("bank"), 40))
    rule_book(one.bank.lake).publish_shipped(RULES_DIRECTORY)
    for number, value in enumerate(
        (event(currency="eur"), b"\xff\x00", None, b'{"a":' * 60 + b"1" + b"}" * 60, b'"\\ud83d"')
    ):
        one.box.refuse(value, f"reason {number}")
    return one


def _known(work: Work) -> dict[str, list[str]]:
    """What there is among what may be asked for, and what is near the edge."""
    past = work.bank.past.transactions[0]
    days = [str(number) for number in (-1, 0, 1, 14, 400, 10**6, 10**12, 10**30)]
    return _FILTERS | {
        "alert_id": [
            str(one.alert_id) for one in work.bank.stores().alerts.by_day(datetime.now(UTC).date(), 9)
        ],
        "place": ["0:0", "0:1", "0:2", "0:3", "0:4", "0:5", "9:9"],
        "account_id": [past.account_id],
        "counterparty_id": [past.counterparty_id],
        "before": ["0:2", "0:0", "0:999999999999999999", ",,", "0:1,0:1"],
        "after": ["0:2", "x" * 129, "!", "eyJ9", "AAAA", "2026-01-01T00:00:00+00:00|x"],
        "dag_id": ["change_rule", "build_reports"],
        "rule_id": [rule.stem for rule in sorted(RULES_DIRECTORY.glob("*.sql"))[:2]],
        "kind": ["daily", "monthly"],
        "period": ["2026-11-24", "2026-11", "9999-12-31", "9999-12", "0001-01-01", "0001-01"],
        "form": ["html", "pdf", "json"],
        "name": ["desk.css", "../app.py", "..%2fapp.py"],
        "days": days,
        "seen": ["2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"],
        "state": ["DEAD", "PENDING"],
        "channel": ["email", "sms"],
        "q": ["T-7-000001", "\x00", "%", past.account_id],
    }


@st.composite
def _cases(draw: st.DrawFn, operation: Any, known: dict[str, list[str]]) -> Any:
    """A request as the description allows it or forbids it, often about what there is."""
    case = draw(st.one_of([operation.as_strategy(generation_mode=mode) for mode in GenerationMode]))
    for name in case.path_parameters or {}:
        if name in known and draw(st.integers(0, 3)):
            case.path_parameters[name] = draw(st.sampled_from(known[name]))
    asked = {one.name for one in operation.query} | (set(_FILTERS) if operation.path in _ASKED else set())
    for name in sorted(asked):
        if name in known and not draw(st.integers(0, 2)):
            case.query = {
                **(case.query or {}),
                name: draw(st.sampled_from(known[name]) | st.text(max_size=20)),
            }
    return case


@pytest.fixture(scope="module")
def served_desk(work: Work) -> Any:
    """Its description, bound to nothing: requests go through ``browser``."""
    return schemathesis.openapi.from_dict(make_app(work.bank).openapi())


@pytest.fixture(scope="module")
def browser(work: Work) -> TestClient:
    """Of somebody who may do everything."""
    client = TestClient(work.app(Role.APPROVER), raise_server_exceptions=False, follow_redirects=False)
    client.headers.update({"origin": "http://testserver", "sec-fetch-site": "same-origin"})
    return client


def _operations(described: Any) -> Iterator[Any]:
    for found in described.get_all_operations():
        yield found.ok()


def _ask(browser: TestClient, case: Any) -> Any:
    asked = case.as_transport_kwargs(base_url=f"http://testserver{PREFIX}")
    asked.pop("cookies", None)
    return browser.request(**asked)


def _strayed(case: Any, answer: Any) -> bool:
    """Whether another route was asked for: a client follows ``..`` itself, and no mount has lines in its path."""
    route = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(PREFIX + case.operation.path))
    path = answer.request.url.raw_path.partition(b"?")[0].decode("ascii", "replace")
    return re.fullmatch(route, path) is None or "%0a" in path.lower()


def _each(
    described: Any, known: dict[str, list[str]], usual: int, share: float, look: Look
) -> dict[str, str]:
    """Ask every route many things; returns by route what was not as ``look`` wants it."""
    broken: dict[str, str] = {}
    for operation in _operations(described):

        @fuzzed(usual, share=share)
        @given(case=_cases(operation, known))
        def holds(case: Any) -> None:
            look(case)

        try:
            holds()
        except Exception as error:
            broken[operation.label] = f"{type(error).__name__}: {error}"[:1500]
    return broken


@pytest.mark.slow
def test_whatever_is_asked_no_route_breaks(work: Work, served_desk: Any, browser: TestClient) -> None:
    reached: dict[str, set[int]] = defaultdict(set)

    def look(case: Any) -> None:
        answer, path = _ask(browser, case), case.operation.path
        assert answer.status_code < 500, answer.text[:300]
        if _strayed(case, answer):
            return
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if path.startswith("/api/"):
            assert kind == "application/json"
        elif answer.status_code not in (303, 204, 304):
            assert kind in _KINDS
        if kind == "application/json" and answer.status_code in (200, 201):
            case.validate_response(answer, checks=[response_schema_conformance])
        reached[case.operation.label] |= {answer.status_code}

    assert _each(served_desk, _known(work), 15, 0.1, look) == {}
    # Not all was refused: what is there was asked for too.
    assert {label for label, statuses in reached.items() if statuses & {200, 201, 303}} >= _REACHED


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"\xff\xfe", b'{"text":', b"[" * 5_000, b'{"text":"\\ud800"}', b'{"conf":{"rule":"\\ud800"}}',
        b'{"conf":{"share":NaN}}', b'{"conf":{"a":' + b"[" * 200 + b"]" * 200 + b"}}",
        b'{"text":"' + b"x" * 300_000 + b'"}',
        b'{"text":1e400}', b"null", b'"x"', b'{"conf":{"\\u0000":"\\u0000"}}', b'{"conf":{"n":' + b"9" * 5_000 + b"}}",
    ],
    ids=range(15),
)  # fmt: skip
def test_no_body_breaks_a_change(work: Work, browser: TestClient, body: bytes) -> None:
    alert = str(work.bank.stores().alerts.by_day(datetime.now(UTC).date(), 1)[0].alert_id)
    for method, path in routes_of(make_app(work.bank)):
        if method == "POST" and "/api/" in path:
            for kind in ("application/json", "text/plain"):
                address = (
                    path.replace("{place}", "0:0")
                    .replace("{dag_id}", "change_rule")
                    .replace("{alert_id}", alert)
                )
                address = re.sub(r"\{\w+\}", "3f2b8a6e-0000-4000-8000-000000000000", address)
                answer = browser.post(PREFIX + address, content=body, headers={"content-type": kind})
                assert answer.status_code < 500, (path, kind, answer.text[:300])
                assert answer.headers["content-type"] == "application/json"


@pytest.mark.slow
def test_nobody_gets_in_whatever_is_asked(work: Work, served_desk: Any, auth_manager: None) -> None:
    app = FastAPI()
    app.mount(PREFIX, make_app(work.bank))
    nobody = TestClient(app, raise_server_exceptions=False, follow_redirects=False, headers=OURS)

    def look(case: Any) -> None:
        method, path = case.method.upper(), case.operation.path
        if (method, path) in OPEN:
            return
        answer = _ask(nobody, case)
        if _strayed(case, answer):
            assert answer.status_code in (303, 401, 404), str(answer.request.url)
        elif (
            method in ("GET", "HEAD")
            and not path.startswith(("/api/", "/static/"))
            and answer.status_code == 303
        ):
            assert answer.headers["location"].startswith("/api/v2/auth/login?")
        else:
            assert answer.status_code == 401, str(answer.request.url)

    assert _each(served_desk, _known(work), 4, 0.02, look) == {}
