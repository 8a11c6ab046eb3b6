"""Where changes may come from, what every answer carries, what the log and an attacker's text become."""

from __future__ import annotations

import uuid

import pytest
from fastapi.testclient import TestClient

from include.stores.cassandra.errors import SchemaMissing, StoreUnavailable
from plugins.fraud_desk.headers import loggable
from tests.alerts.examples import alert
from tests.desk.bank import MemoryBank
from tests.desk.conftest import PREFIX, SignIn, session_of

_NASTY = '<script>alert("1")</script>'


def _assign(browser: TestClient, headers: dict[str, str]) -> int:
    for name in ("origin", "sec-fetch-site"):
        browser.headers.pop(name, None)
    path = f"{PREFIX}/api/alerts/{alert(1).alert_id}/act"
    return browser.post(path, json={"action": "assign", "version": 0}, headers=headers).status_code


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://testserver.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://testserver"},
        {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
    ],
    ids=str,
)
def test_a_change_from_elsewhere_is_refused(
    bank: MemoryBank, sign_in: SignIn, headers: dict[str, str]
) -> None:
    bank.raise_alerts(alert(1))
    assert _assign(sign_in("analyst"), headers) == 403
    assert bank.stores().cases.history(alert(1).alert_id) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://testserver"},
        {"sec-fetch-site": "same-origin"},
        {"origin": "http://testserver", "sec-fetch-site": "same-origin"},
    ],
    ids=str,
)
def test_a_change_from_our_own_pages_is_taken(
    bank: MemoryBank, sign_in: SignIn, headers: dict[str, str]
) -> None:
    bank.raise_alerts(alert(1))
    assert _assign(sign_in("analyst"), headers) == 200


def test_behind_a_proxy_the_known_address_counts(
    bank: MemoryBank, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.bank.example")
    bank.raise_alerts(alert(1))
    assert _assign(sign_in("analyst"), {"origin": "https://airflow.bank.example"}) == 200


def test_a_program_with_a_token_needs_no_origin(bank: MemoryBank, sign_in: SignIn) -> None:
    bank.raise_alerts(alert(1))
    token = {"authorization": f"Bearer {session_of('analyst', 'USER')}"}
    assert _assign(sign_in(None), token) == 200


@pytest.mark.parametrize("path", ["/", "/queue", "/api/queue", "/static/desk.js", "/nothing", "/answer/x"])
@pytest.mark.parametrize("user", ["viewer", None])
def test_headers_of_every_answer(sign_in: SignIn, path: str, user: str | None) -> None:
    headers = sign_in(user).get(PREFIX + path).headers
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == ("no-referrer" if path == "/answer/x" else "same-origin")
    assert headers["cache-control"] in ("no-store", "private, no-cache")


def test_what_others_wrote_is_text(bank: MemoryBank, sign_in: SignIn) -> None:
    nasty = alert(
        1,
        alert_id=uuid.uuid4(),
        transaction_id=_NASTY,
        account_id=f'A"{_NASTY}',
        counterparty_id=f"C'{_NASTY}",
        customer_id=_NASTY,
        typology=_NASTY,
        reasons=(_NASTY,),
        rule_hits=(_NASTY,),
        model_version=_NASTY,
        features={_NASTY: 1.0},
        contributions={_NASTY: 1.0},
    )
    bank.raise_alerts(nasty)
    browser = sign_in("analyst")
    act = {"action": "comment", "version": 0, "comment": _NASTY}
    assert browser.post(f"{PREFIX}/api/alerts/{nasty.alert_id}/act", json=act).status_code == 200
    suppression = {"scope": "rule", "value": _NASTY, "reason": _NASTY, "minutes": 5}
    assert browser.post(f"{PREFIX}/api/suppressions", json=suppression).status_code == 201
    pages = {
        "queue": browser.get(
            f"{PREFIX}/queue", params={"list": "ALL", "since": "2026-02-01", "until": "2026-03-31"}
        ),
        "alert": browser.get(f"{PREFIX}/alerts/{nasty.alert_id}"),
        "account": browser.get(f"{PREFIX}/accounts/{nasty.account_id}"),
        "suppressions": browser.get(f"{PREFIX}/suppressions"),
        "search": browser.get(f"{PREFIX}/search", params={"q": f"no {_NASTY}"}),
        "filters": browser.get(f"{PREFIX}/queue", params={"account": _NASTY, "typology": _NASTY}),
    }
    assert {name: answer.status_code for name, answer in pages.items()} == dict.fromkeys(pages, 200)
    assert {name for name, answer in pages.items() if "<script>alert" in answer.text} == set()
    assert {name for name, answer in pages.items() if "&lt;script&gt;" not in answer.text} == set()


def test_a_store_that_is_away_is_told_and_comes_back(bank: MemoryBank, sign_in: SignIn) -> None:
    browser = sign_in("viewer")
    bank.failure = StoreUnavailable("reading 10.0.0.3: expected an answer from Cassandra")
    for path in ("/", "/queue", "/api/queue", f"/alerts/{uuid.uuid4()}", "/suppressions"):
        answer = browser.get(PREFIX + path)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert "Cassandra does not answer" in answer.text
        assert "10.0.0.3" not in answer.text
    bank.failure = SchemaMissing("no table")
    assert "initialize_stores" in browser.get(f"{PREFIX}/queue").text
    bank.failure = None
    assert browser.get(f"{PREFIX}/queue").status_code == 200


def test_a_bug_shows_nothing_of_itself(bank: MemoryBank, sign_in: SignIn) -> None:
    bank.failure = ZeroDivisionError("a secret of the inside")  # type: ignore[assignment]
    for path in ("/queue", "/api/queue"):
        answer = sign_in("viewer").get(PREFIX + path)
        assert answer.status_code == 500
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text


def test_what_is_not_understood_is_not_repeated(bank: MemoryBank, sign_in: SignIn) -> None:
    bank.raise_alerts(alert(1))
    path = f"{PREFIX}/api/alerts/{alert(1).alert_id}/act"
    answer = sign_in("analyst").post(path, json={"action": "assign", "version": "DE89370400440532013000"})
    assert answer.status_code == 422
    assert "DE8937" not in answer.text


def test_account_numbers_and_links_stay_out_of_the_access_log(sign_in: SignIn) -> None:
    seen: list[tuple[str, bytes]] = []
    browser = sign_in("viewer")
    inner = browser.app

    async def logged(scope, receive, send):  # type: ignore[no-untyped-def]
        """As Airflow's access log: it reads the scope once the answer is there."""
        await inner(scope, receive, send)
        seen.append((scope["path"], scope["query_string"]))

    outer = TestClient(logged, cookies=browser.cookies, follow_redirects=False)
    for path in (
        "/accounts/DE89370400440532013000",
        "/queue?account=DE89370400440532013000",
        "/answer/signed.link",
    ):
        outer.get(PREFIX + path)
    assert seen == [
        (f"{PREFIX}/accounts/••••3000", b""),
        (f"{PREFIX}/queue", b""),
        (f"{PREFIX}/answer/***", b""),
    ]


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/fraud-desk/api/counterparties/MERCHANT-00417", "/fraud-desk/api/counterparties/••••0417"),
        ("/fraud-desk/accounts/A/B/C-12345678", "/fraud-desk/accounts/••••5678"),
        ("/fraud-desk/queue", "/fraud-desk/queue"),
    ],
)
def test_what_of_a_path_is_logged(path: str, logged: str) -> None:
    assert loggable(path) == logged
