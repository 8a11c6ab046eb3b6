"""Nothing of the desk is open to those it is not for: every route, every role."""

from __future__ import annotations

import pytest

from plugins.fraud_desk.app import make_app
from tests.alerts.examples import alert
from tests.desk.bank import MemoryBank
from tests.desk.conftest import GUEST, PREFIX, SignIn, session_of
from tests.desk.routes import ANALYSTS, APPROVERS, OPEN, REFUSED, filled, routes_of


def test_every_route_is_seen(bank: MemoryBank) -> None:
    routes = routes_of(make_app(bank))
    assert {
        ("GET", "/"),
        ("GET", "/queue"),
        ("GET", "/static/{name}"),
    } | ANALYSTS | APPROVERS | OPEN <= set(routes)


def test_no_schema_is_told(sign_in: SignIn) -> None:
    for path in ("/openapi.json", "/docs", "/redoc"):
        assert sign_in("admin").get(PREFIX + path).status_code == 404


@pytest.mark.parametrize("user", [None, GUEST, "viewer", "analyst", "approver", "admin"])
def test_every_route_for_every_role(bank: MemoryBank, sign_in: SignIn, user: str | None) -> None:
    raised = alert(1)
    bank.raise_alerts(raised)
    browser = sign_in(user)
    wrong = []
    for method, path in routes_of(make_app(bank)):
        if (method, path) in OPEN:
            continue
        got = browser.request(method, filled(path, raised.alert_id)).status_code
        if user is None:
            page = method in ("GET", "HEAD") and not path.startswith(("/api/", "/static/"))
            right = got == (303 if page else 401)
        elif user == GUEST or (method, path) in REFUSED.get(user, ()):
            right = got == 403
        else:
            right = got not in (401, 403)
        if not right:
            wrong.append((method, path, got))
    assert wrong == []


def test_anonymous_people_are_led_to_sign_in_and_back(sign_in: SignIn) -> None:
    answer = sign_in(None).get(f"{PREFIX}/queue?severity=HIGH")
    assert answer.headers["location"] == "/api/v2/auth/login?next=%2Ffraud-desk%2Fqueue%3Fseverity%3DHIGH"


@pytest.mark.parametrize(
    "session",
    [
        session_of("admin", "ADMIN", seconds=-600),
        session_of("admin", "ADMIN", secret="another secret, just as long as the one of the tests is, or so"),
        "nonsense",
    ],
    ids=["over", "forged", "nonsense"],
)
def test_a_session_that_is_none_opens_nothing(sign_in: SignIn, session: str) -> None:
    browser = sign_in(None)
    browser.cookies.set("_token", session)
    assert browser.get(f"{PREFIX}/queue").status_code == 303
    assert browser.get(f"{PREFIX}/api/queue").status_code == 401


def test_a_refusal_can_be_read(bank: MemoryBank, sign_in: SignIn) -> None:
    raised = alert(1)
    bank.raise_alerts(raised)
    answer = sign_in("viewer").post(
        f"{PREFIX}/api/alerts/{raised.alert_id}/act", json={"action": "assign", "version": 0}
    )
    assert answer.status_code == 403
    assert "role of an analyst" in answer.json()["error"]
    assert bank.stores().cases.history(raised.alert_id) == []


def test_a_viewer_sees_no_buttons_to_act(bank: MemoryBank, sign_in: SignIn) -> None:
    raised = alert(1)
    bank.raise_alerts(raised)
    for path in ("/queue", f"/alerts/{raised.alert_id}", "/suppressions"):
        text = sign_in("viewer").get(PREFIX + path).text
        assert "data-act" not in text
        assert "data-suppress" not in text


def test_bearer_tokens_work_as_in_airflow(sign_in: SignIn) -> None:
    browser = sign_in(None)
    token = session_of("viewer", "VIEWER")
    answer = browser.get(f"{PREFIX}/api/queue", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200
