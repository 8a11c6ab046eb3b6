"""The queue: filters in the address, pages without holes, news, the way to the next alert."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from fastapi.testclient import TestClient

from include.alerts.alert import Alert, Severity
from include.cases.case import Action, Deed
from tests.desk.bank import MemoryBank, invented
from tests.desk.conftest import PREFIX, SignIn

COUNT = 130


@pytest.fixture
def alerts(bank: MemoryBank) -> list[Alert]:
    """Alerts of the last hours, each told for itself."""
    found, bank.past.transactions = invented(COUNT)
    bank.raise_alerts(*found, window=timedelta(0))
    return found


def _rows(browser: TestClient, **asked: str) -> list[dict[str, object]]:
    answer = browser.get(f"{PREFIX}/api/queue", params=asked)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, object]] = answer.json()["rows"]
    return rows


def _all_ids(browser: TestClient, **asked: str) -> list[str]:
    ids: list[str] = []
    while True:
        answer = browser.get(f"{PREFIX}/api/queue", params=asked).json()
        ids += [row["alert_id"] for row in answer["rows"]]
        if answer["next_after"] is None:
            return ids
        asked["after"] = answer["next_after"]


@pytest.mark.parametrize("sort", ["urgency", "newest", "amount"])
def test_pages_hold_every_alert_once(alerts: list[Alert], sign_in: SignIn, sort: str) -> None:
    ids = _all_ids(sign_in("viewer"), sort=sort)
    assert len(ids) == COUNT
    assert set(ids) == {str(one.alert_id) for one in alerts}


def test_what_is_open_does_not_grow_out_of_sight_and_what_is_over_does(
    bank: MemoryBank, sign_in: SignIn
) -> None:
    now = datetime.now(UTC)
    (some, other), _ = invented(2)
    old = [
        replace(one, raised_at=now - timedelta(days=45), arrived_at=now - timedelta(days=45))
        for one in (some, other)
    ]
    bank.raise_alerts(*old, window=timedelta(0))
    bank.stores().casework.act(old[1].alert_id, Deed(Action.CONFIRM_FRAUD, "anna", now))
    browser = sign_in("viewer")
    assert _all_ids(browser) == [str(old[0].alert_id)]
    assert _all_ids(browser, list="CLOSED") == []
    assert "of the last 30 days stands" in browser.get(f"{PREFIX}/queue?list=CLOSED").text


def test_orders(alerts: list[Alert], sign_in: SignIn) -> None:
    browser = sign_in("viewer")
    amounts = [Decimal(str(row["amount"])) for row in _rows(browser, sort="amount")]
    assert amounts == sorted(amounts, reverse=True)
    raised = [row["raised_at"] for row in _rows(browser, sort="newest")]
    assert raised == sorted(raised, key=str, reverse=True)
    ranks = [Severity(str(row["severity"])).rank for row in _rows(browser)]
    assert ranks == sorted(ranks, reverse=True)


def test_rows_that_come_meanwhile_shift_no_page(
    bank: MemoryBank, alerts: list[Alert], sign_in: SignIn
) -> None:
    browser = sign_in("viewer")
    first = browser.get(f"{PREFIX}/api/queue", params={"sort": "newest"}).json()
    later = replace(alerts[-1], alert_id=alerts[-1].alert_id.__class__(int=5), raised_at=datetime.now(UTC))
    bank.raise_alerts(later, window=timedelta(0))
    second = browser.get(
        f"{PREFIX}/api/queue", params={"sort": "newest", "after": first["next_after"]}
    ).json()
    assert not {row["alert_id"] for row in first["rows"]} & {row["alert_id"] for row in second["rows"]}
    assert second["rows"][0]["raised_at"] <= first["rows"][-1]["raised_at"]


def test_filters(bank: MemoryBank, alerts: list[Alert], sign_in: SignIn) -> None:
    browser = sign_in("analyst")
    one = alerts[40]
    bank.stores().casework.act(
        one.alert_id, Deed(Action.ASSIGN, "analyst", datetime.now(UTC), assignee="analyst")
    )
    assert [row["alert_id"] for row in _rows(browser, assignee="me")] == [str(one.alert_id)]
    assert [row["alert_id"] for row in _rows(browser, status="IN_REVIEW")] == [str(one.alert_id)]
    assert {row["severity"] for row in _rows(browser, severity="CRITICAL")} == {"CRITICAL"}
    assert {row["typology"] for row in _rows(browser, typology="card_testing")} == {"card_testing"}
    assert {row["account_id"] for row in _rows(browser, account=one.account_id)} == {one.account_id}
    assert all(Decimal(str(row["amount"])) >= 500 for row in _rows(browser, amount="500"))
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    assert _rows(browser, since=tomorrow, until=tomorrow) == []


@pytest.mark.parametrize(
    "asked",
    [
        {"severity": "HUGE"},
        {"sort": "colour"},
        {"amount": "much"},
        {"amount": "-1"},
        {"since": "yesterday"},
        {"since": "2026-01-02", "until": "2026-01-01"},
        {"since": "2020-01-01", "until": "2026-01-01"},
        {"after": "' OR 1=1"},
        {"account": "x" * 200},
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_refused_in_words(sign_in: SignIn, asked: dict[str, str]) -> None:
    answer = sign_in("viewer").get(f"{PREFIX}/api/queue", params=asked)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("expected")
    assert sign_in("viewer").get(f"{PREFIX}/queue", params=asked).status_code == 400


def test_repeats_are_counted_and_lead_to_their_alert(bank: MemoryBank, sign_in: SignIn) -> None:
    found, _ = invented(6)
    same = [replace(one, account_id="A-1", severity=Severity.HIGH) for one in found]
    bank.raise_alerts(*same)
    rows = _rows(sign_in("viewer"))
    assert [(row["alert_id"], row["repeats"]) for row in rows] == [(str(same[0].alert_id), 5)]
    text = sign_in("viewer").get(f"{PREFIX}/queue").text
    assert "+5 repeats" in text
    assert f"/alerts/{same[0].alert_id}#repeats" in text


def test_the_page_keeps_its_state_in_its_address(alerts: list[Alert], sign_in: SignIn) -> None:
    browser = sign_in("viewer")
    text = browser.get(f"{PREFIX}/queue", params={"list": "ALL", "sort": "newest", "amount": "1"}).text
    following = re.search(r'id="next-page" href="([^"]+)"', text)
    assert following is not None
    address = following[1].replace("&amp;", "&")
    assert "list=ALL" in address
    assert "sort=newest" in address
    assert "amount=1" in address
    assert browser.get(address).status_code == 200


def test_news_are_what_came_since(bank: MemoryBank, alerts: list[Alert], sign_in: SignIn) -> None:
    browser = sign_in("viewer")
    seen = browser.get(f"{PREFIX}/api/queue").json()["at"]
    assert browser.get(f"{PREFIX}/api/queue/news", params={"seen": seen}).json() == {
        "count": 0,
        "more": False,
    }
    now = datetime.now(UTC)
    fresh = [
        replace(one, alert_id=one.alert_id.__class__(int=n), raised_at=now)
        for n, one in enumerate(alerts[:3])
    ]
    bank.raise_alerts(*fresh, window=timedelta(0))
    assert browser.get(f"{PREFIX}/api/queue/news", params={"seen": seen}).json() == {
        "count": 3,
        "more": False,
    }
    same_account = {"seen": seen, "account": "nobody's"}
    assert browser.get(f"{PREFIX}/api/queue/news", params=same_account).json()["count"] == 0


def test_next_goes_through_the_queue_and_back_to_it(alerts: list[Alert], sign_in: SignIn) -> None:
    browser = sign_in("viewer")
    ids = _all_ids(browser, severity="CRITICAL")
    for one, following in pairwise(ids):
        answer = browser.get(f"{PREFIX}/queue/next/{one}", params={"severity": "CRITICAL"})
        assert answer.headers["location"] == f"{PREFIX}/alerts/{following}?severity=CRITICAL"
    answer = browser.get(f"{PREFIX}/queue/next/{ids[-1]}", params={"severity": "CRITICAL"})
    assert answer.headers["location"] == f"{PREFIX}/queue?severity=CRITICAL"
