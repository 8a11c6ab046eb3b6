"""Who may see and do what on the pages of work, by Airflow's own sessions and permissions."""

from __future__ import annotations

import uuid

import pytest
from fastapi.testclient import TestClient

from include.stores.memory.resent import MemoryResentStore
from plugins.fraud_desk.resending import Resending
from tests.desk.bank import MemoryBank
from tests.desk.conftest import PREFIX, SignIn
from tests.desk.work import MemoryBox, Work, event

PAGES = (
    "/dead-letters", "/dead-letters/0:0", "/rules", "/rules.csv", "/models", "/deliveries", "/reports",
)  # fmt: skip
DEEDS = (
    "/api/dead-letters/0:0/check", "/api/dead-letters/0:0/resend", "/api/dead-letters/0:0/take-up",
    "/api/runs/backtest_rules", f"/api/deliveries/{uuid.uuid4()}/again",
)  # fmt: skip


@pytest.fixture(autouse=True)
def letters(bank: MemoryBank, monkeypatch: pytest.MonkeyPatch) -> MemoryBox:
    """A dead letter, without Kafka."""
    from plugins.fraud_desk import resending

    work = Work(bank, store=MemoryResentStore())
    work.box.refuse(event(currency=None), "currency: missing or null")
    monkeypatch.setattr(resending, "_LIVE", lambda: Resending(work.box, work.resender))
    return work.box


def post(browser: TestClient, path: str) -> int:
    return browser.post(PREFIX + path, json={"conf": {}} if "/runs/" in path else {"text": "{}"}).status_code


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_for_people_who_are_signed_in(sign_in: SignIn, path: str) -> None:
    assert sign_in("viewer").get(PREFIX + path).status_code == 200
    nobody = sign_in(None).get(PREFIX + path)
    assert nobody.status_code == 303
    assert "/auth/login" in nobody.headers["location"]


@pytest.mark.parametrize("path", DEEDS)
def test_viewers_and_nobody_change_nothing(sign_in: SignIn, path: str) -> None:
    assert post(sign_in("viewer"), path) == 403
    assert post(sign_in(None), path) == 401


@pytest.mark.parametrize("path", DEEDS)
def test_no_change_from_elsewhere(sign_in: SignIn, path: str) -> None:
    browser = sign_in("admin")
    browser.headers.update({"origin": "https://evil.example", "sec-fetch-site": "cross-site"})
    assert post(browser, path) == 403


def test_who_may_start_runs_in_airflow_may_here(sign_in: SignIn) -> None:
    assert post(sign_in("analyst"), "/api/runs/backtest_rules") == 200
    assert 'data-run="backtest_rules"' in sign_in("analyst").get(f"{PREFIX}/rules").text
    assert 'data-run="backtest_rules"' not in sign_in("viewer").get(f"{PREFIX}/rules").text


def test_the_sections_are_in_the_navigation(sign_in: SignIn) -> None:
    page = sign_in("viewer").get(f"{PREFIX}/rules").text
    for path in ("/deliveries", "/rules", "/models", "/dead-letters", "/reports"):
        assert f'href="{PREFIX}{path}"' in page
    assert page.count('aria-current="page"') == 1
