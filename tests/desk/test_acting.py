"""What people do: each action, many at once, two at the same time, and what follows from it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from httpx import Response

from include.alerts.alert import Alert
from include.cases.case import Status
from include.cases.suppressions import Scope
from include.governance.audit import AuditChain
from tests.desk.bank import MemoryBank, invented
from tests.desk.conftest import PREFIX, SignIn


@pytest.fixture
def raised(bank: MemoryBank) -> Alert:
    """One alert of now."""
    (one,), bank.past.transactions = invented(1)
    bank.raise_alerts(one)
    return one


def _act(sign_in: SignIn, alert: Alert, version: int = 0, user: str = "analyst", **what: Any) -> Response:
    return sign_in(user).post(f"{PREFIX}/api/alerts/{alert.alert_id}/act", json={"version": version, **what})


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ({"action": "assign"}, "IN_REVIEW"),
        ({"action": "comment", "comment": "Called, no answer."}, "OPEN"),
        ({"action": "confirm_fraud"}, "CONFIRMED"),
        ({"action": "dismiss", "comment": "Known."}, "DISMISSED"),
        ({"action": "snooze", "comment": "Tomorrow.", "snooze_minutes": 60}, "SNOOZED"),
        ({"action": "escalate", "comment": "Large."}, "ESCALATED"),
    ],
    ids=lambda value: value["action"] if isinstance(value, dict) else value,
)
def test_each_action(
    bank: MemoryBank, sign_in: SignIn, raised: Alert, what: dict[str, Any], status: str
) -> None:
    answer = _act(sign_in, raised, **what)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["version"]) == (status, 1)
    event = bank.stores().cases.history(raised.alert_id)[0]
    assert (event.deed.actor, event.deed.comment) == ("analyst", what.get("comment", ""))
    record = AuditChain(bank.lake, "desk").record(1)
    assert (record.actor, record.kind) == ("analyst", f"case {what['action']}")
    page = sign_in("viewer").get(f"{PREFIX}/alerts/{raised.alert_id}").text
    assert what.get("comment", "analyst") in page


def test_release_and_reopen(sign_in: SignIn, raised: Alert) -> None:
    _act(sign_in, raised, action="assign")
    assert _act(sign_in, raised, 1, action="release").json()["status"] == "OPEN"
    _act(sign_in, raised, 2, action="dismiss", comment="no")
    assert _act(sign_in, raised, 3, action="reopen", comment="after all").json()["status"] == "IN_REVIEW"


@pytest.mark.parametrize("name", ["nobody-has-this-name", "viewer", "Bela"])
def test_only_those_who_may_work_on_alerts_are_assigned_any(
    sign_in: SignIn, raised: Alert, name: str
) -> None:
    """Without this it would wait for that name, without a deadline."""
    answer = _act(sign_in, raised, action="assign", assignee=name)
    assert answer.status_code == 422
    assert "admin, analyst, approver, bela" in answer.json()["error"]
    seen = [{"alert_id": str(raised.alert_id), "version": 0}]
    many = {"action": "assign", "assignee": name, "alerts": seen}
    assert sign_in("analyst").post(f"{PREFIX}/api/queue/act", json=many).status_code == 422
    page = sign_in("analyst").get(f"{PREFIX}/alerts/{raised.alert_id}").text
    assert "<option>bela</option>" in page
    assert "<option>viewer</option>" not in page


def test_assigning_to_somebody_else(sign_in: SignIn, raised: Alert) -> None:
    assert _act(sign_in, raised, action="assign", assignee="bela").json()["assignee"] == "bela"


def test_decisions_are_labels(bank: MemoryBank, sign_in: SignIn, raised: Alert) -> None:
    _act(sign_in, raised, action="confirm_fraud")
    assert [(one.transaction_id, one.is_fraud, one.source) for one in bank.labels] == [
        (raised.transaction_id, True, "ANALYST")
    ]


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({"action": "dismiss"}, "comment"),
        ({"action": "snooze", "comment": "later"}, "end"),
        ({"action": "release"}, "OPEN"),
        ({"action": "reopen", "comment": "x"}, "OPEN"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_in_words(
    bank: MemoryBank, sign_in: SignIn, raised: Alert, what: dict[str, Any], words: str
) -> None:
    answer = _act(sign_in, raised, **what)
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert bank.stores().cases.history(raised.alert_id) == []


@pytest.mark.parametrize(
    "what",
    [
        {"action": "wake"},
        {"action": "customer_denies"},
        {"action": "delete"},
        {"action": "assign", "actor": "somebody else"},
        {"action": "comment", "comment": "x" * 5_000},
        {"action": "snooze", "comment": "x", "snooze_minutes": 10**9},
    ],
    ids=str,
)
def test_what_nobody_may_ask_for(
    bank: MemoryBank, sign_in: SignIn, raised: Alert, what: dict[str, Any]
) -> None:
    assert _act(sign_in, raised, **what).status_code == 422
    assert bank.stores().cases.history(raised.alert_id) == []


def test_the_second_of_two_is_told_who_was_first(bank: MemoryBank, sign_in: SignIn, raised: Alert) -> None:
    assert _act(sign_in, raised, user="analyst", action="confirm_fraud").status_code == 200
    answer = _act(sign_in, raised, user="approver", action="dismiss", comment="fine")
    assert answer.status_code == 409
    assert answer.json()["code"] == "changed"
    assert "changed by analyst meanwhile (CONFIRMED)" in answer.json()["error"]
    assert len(bank.stores().cases.history(raised.alert_id)) == 1
    assert [one.is_fraud for one in bank.labels] == [True]


def test_an_alert_that_is_none(sign_in: SignIn) -> None:
    missing = uuid.uuid4()
    path = f"{PREFIX}/api/alerts/{missing}/act"
    assert sign_in("analyst").post(path, json={"action": "assign", "version": 0}).status_code == 404
    page = sign_in("analyst").get(f"{PREFIX}/alerts/{missing}")
    assert page.status_code == 404
    assert "there is none" in page.text


def test_many_at_once_each_for_itself(bank: MemoryBank, sign_in: SignIn) -> None:
    alerts, _ = invented(4)
    for one in alerts:
        bank.raise_alerts(one)
    first, second = alerts[0].alert_id, alerts[1].alert_id
    _act(sign_in, alerts[0], action="assign")
    missing = uuid.uuid4()
    seen = [{"alert_id": str(one), "version": 0} for one in (first, second, missing)]
    answer = sign_in("analyst").post(
        f"{PREFIX}/api/queue/act", json={"action": "dismiss", "comment": "a test run", "alerts": seen}
    )
    assert answer.status_code == 200
    told = answer.json()
    assert (told["done"], told["failed"]) == (1, 2)
    codes = {one["alert_id"]: one["code"] for one in told["outcomes"]}
    assert codes == {str(first): "changed", str(second): None, str(missing): "not_found"}
    assert bank.stores().casework.current([second])[second].status is Status.DISMISSED


def test_more_than_many_is_refused(sign_in: SignIn) -> None:
    seen = [{"alert_id": str(uuid.uuid4()), "version": 0} for _ in range(201)]
    answer = sign_in("analyst").post(f"{PREFIX}/api/queue/act", json={"action": "assign", "alerts": seen})
    assert answer.status_code == 422


def test_suppressing_and_lifting(bank: MemoryBank, sign_in: SignIn, raised: Alert) -> None:
    browser = sign_in("analyst")
    asked = {"scope": "account", "value": raised.account_id, "reason": "holiday", "minutes": 60}
    made = browser.post(f"{PREFIX}/api/suppressions", json=asked).json()
    assert bank.stores().suppressions.all()[0].scope is Scope.ACCOUNT
    page = browser.get(f"{PREFIX}/suppressions").text
    assert raised.account_id in page
    assert "holiday" in page
    path = f"{PREFIX}/api/suppressions/{made['suppression_id']}/lift"
    assert browser.post(path).json()["lifted_by"] == "analyst"
    assert browser.post(path).status_code == 422
    assert [AuditChain(bank.lake, "desk").record(number).kind for number in (1, 2)] == [
        "suppression created",
        "suppression lifted",
    ]
    assert browser.get(f"{PREFIX}/api/suppressions").json()["active"] == []


def test_lifting_is_on_record_before_it_is_done(
    bank: MemoryBank, sign_in: SignIn, raised: Alert, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = sign_in("analyst")
    asked = {"scope": "account", "value": raised.account_id, "reason": "holiday", "minutes": 60}
    made = browser.post(f"{PREFIX}/api/suppressions", json=asked).json()
    path = f"{PREFIX}/api/suppressions/{made['suppression_id']}"
    with monkeypatch.context() as killed:
        killed.setattr(type(bank.stores().suppressions), "put", _killed)
        assert browser.post(f"{path}/lift").status_code == 500
    assert AuditChain(bank.lake, "desk").record(2).kind == "suppression lifted"
    assert sign_in("approver").post(f"{path}/lift").json()["lifted_by"] == "approver"
    assert not bank.stores().suppressions.all()[0].active(datetime.now(UTC))


def _killed(*_: object) -> None:
    raise OSError("killed")
