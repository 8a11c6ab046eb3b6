"""What the other pages show, and the customer's answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.alerts.alert import Alert
from include.alerts.contacts import simulated_customers
from include.cases.case import Action, Deed, Status
from include.governance.incidents import raise_incident
from include.stores.cassandra.errors import StoreUnavailable
from include.stores.lake.ledger import BatchLedger, Stage
from plugins.fraud_desk import watching
from plugins.fraud_desk.alert_view import told_reasons
from plugins.fraud_desk.watching import oldest_unassigned
from tests.desk.bank import MemoryBank, invented
from tests.desk.conftest import PREFIX, SignIn


@pytest.fixture
def alerts(bank: MemoryBank) -> list[Alert]:
    """Alerts of the last hours, and what their accounts did."""
    found, bank.past.transactions = invented(60)
    bank.raise_alerts(*found)
    return found


def test_overview_counts_what_there_is(bank: MemoryBank, alerts: list[Alert], sign_in: SignIn) -> None:
    ledger = BatchLedger(bank.lake)
    for batch in range(3):
        ledger.complete(Stage.ACCEPTED, batch, {"accepted": 20}, {"offsets": {"0": 5}})
    ledger.complete(Stage.SCORED, 0, {"scored": 20})
    raise_incident(bank.lake, "rule_book", "expected a rule book, got none; restore it")
    view = sign_in("viewer").get(f"{PREFIX}/api/overview").json()
    assert view["transactions_per_second"] == pytest.approx(1.0)
    assert view["lag"] == 7
    assert view["waiting"] == {"scored": 2, "alerted": 1, "stored": 1}
    recent = [one for one in alerts if one.raised_at > datetime.now(UTC) - timedelta(minutes=15)]
    assert view["latency_alerts"] == len(recent)
    assert view["latency_p95"] == pytest.approx(2.5, abs=0.1)
    cases = bank.stores().casework.current([one.alert_id for one in alerts])
    still_open = [one for one in alerts if cases[one.alert_id].status is Status.OPEN]
    assert view["open_by_severity"] == {
        **dict.fromkeys(("CRITICAL", "HIGH", "MEDIUM", "LOW"), 0),
        **Counter(one.severity.value for one in still_open),
    }
    assert float(view["value_at_risk"]) == pytest.approx(float(sum(one.amount for one in still_open)))
    assert view["oldest_unassigned"]["alert_id"] == str(
        min(still_open, key=lambda one: one.raised_at).alert_id
    )
    page = sign_in("viewer").get(f"{PREFIX}/").text
    assert "expected a rule book" in page


def test_what_is_escalated_and_has_nobody_waits_for_somebody(
    bank: MemoryBank, alerts: list[Alert], sign_in: SignIn
) -> None:
    casework = bank.stores().casework
    cases = casework.current([one.alert_id for one in alerts])
    waiting = [one for one in alerts if cases[one.alert_id].status is Status.OPEN]
    oldest, second, *rest = sorted(waiting, key=lambda one: one.raised_at)
    now = datetime.now(UTC)
    casework.act(oldest.alert_id, Deed(Action.ESCALATE, "deadline", now, comment="nobody took it"))
    casework.act(second.alert_id, Deed(Action.ASSIGN, "anna", now, assignee="anna"))
    casework.act(second.alert_id, Deed(Action.ESCALATE, "anna", now, comment="large"))
    view = sign_in("viewer").get(f"{PREFIX}/api/overview").json()
    assert (view["unassigned"], view["escalated"]) == (1 + len(rest), 2)
    assert view["oldest_unassigned"]["alert_id"] == str(oldest.alert_id)
    assert "/queue?assignee=nobody" in sign_in("viewer").get(f"{PREFIX}/").text
    rows = sign_in("viewer").get(f"{PREFIX}/api/queue?assignee=nobody&status=ESCALATED").json()["rows"]
    assert [row["alert_id"] for row in rows] == [str(oldest.alert_id)]


@pytest.mark.parametrize("most", [10, 40, 5_000])
def test_the_chart_begins_where_all_alerts_are_counted(
    bank: MemoryBank, alerts: list[Alert], sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(watching, "MOST_ALERTS", most)
    monkeypatch.setattr(watching, "_PIECE", 7)
    view = sign_in("viewer").get(f"{PREFIX}/api/overview").json()
    raised = Counter(one.raised_at.replace(second=0, microsecond=0) for one in alerts)
    shown = {datetime.fromisoformat(one["at"]): one["alerts"] for one in view["alerts_per_minute"]}
    assert shown == {at: raised[at] for at in shown}
    assert (len(shown) == 60) == (most >= 40)
    assert ("since" in sign_in("viewer").get(f"{PREFIX}/").text.partition('id="rate-title"')[2][:60]) == (
        most < 40
    )


def test_overview_without_anything(bank: MemoryBank, sign_in: SignIn) -> None:
    bank.ends = None
    view = sign_in("viewer").get(f"{PREFIX}/api/overview").json()
    assert (view["lag"], view["latency_p50"], view["oldest_unassigned"]) == (None, None, None)
    assert sign_in("viewer").get(f"{PREFIX}/").status_code == 200


def test_the_oldest_is_found_in_few_pages(bank: MemoryBank, alerts: list[Alert]) -> None:
    stores, asked = bank.stores(), []
    page = stores.queue.page
    stores.queue.page = lambda query: asked.append(query) or page(query)  # type: ignore[func-returns-value,method-assign]
    now = datetime.now(UTC)
    found = oldest_unassigned(stores, now - timedelta(days=30), now)
    assert found is not None
    assert len(asked) <= 32
    assert all(query.limit == 1 for query in asked)


def test_alert_page_explains_itself(bank: MemoryBank, alerts: list[Alert], sign_in: SignIn) -> None:
    one = alerts[-1]
    text = sign_in("analyst").get(f"{PREFIX}/alerts/{one.alert_id}").text
    for words in (
        one.account_id,
        one.counterparty_id,
        one.model_version,
        one.ruleset_version,
        "What moved the model",
    ):
        assert words in text
    view = sign_in("viewer").get(f"{PREFIX}/api/alerts/{one.alert_id}").json()
    added = [abs(part["added"]) for part in view["contributions"]]
    assert added == sorted(added, reverse=True)
    assert {row["account_id"] for row in view["of_account"]} <= {one.account_id}
    assert {row["counterparty_id"] for row in view["of_counterparty"]} <= {one.counterparty_id}
    assert str(one.alert_id) not in {row["alert_id"] for row in view["of_account"] + view["of_counterparty"]}


def test_account_page_masks_how_its_holder_is_reached(
    bank: MemoryBank, alerts: list[Alert], sign_in: SignIn
) -> None:
    one = alerts[0]
    (customer,) = simulated_customers([str(one.customer_id)])
    bank.stores().customers.put([customer])
    answer = sign_in("viewer").get(f"{PREFIX}/accounts/{one.account_id}")
    assert answer.status_code == 200
    assert one.account_id in answer.text
    assert str(customer.email) not in answer.text
    assert str(customer.phone) not in answer.text
    view = sign_in("viewer").get(f"{PREFIX}/api/accounts/{one.account_id}").json()
    mine = [tx for tx in bank.past.transactions if tx.account_id == one.account_id]
    assert view["totals"]["count"] == len(mine)
    assert sum(partner["count"] for partner in view["partners"]) == len(mine)


def test_counterparty_page_says_what_it_cannot_show(alerts: list[Alert], sign_in: SignIn) -> None:
    one = alerts[0]
    text = sign_in("viewer").get(f"{PREFIX}/counterparties/{one.counterparty_id}").text
    assert "transactions are stored by account" in text
    view = sign_in("viewer").get(f"{PREFIX}/api/counterparties/{one.counterparty_id}").json()
    mine = [other for other in alerts if other.counterparty_id == one.counterparty_id]
    assert len(view["alerts"]) == len(mine)
    assert sum(account["count"] for account in view["accounts"]) == len(mine)


@pytest.mark.parametrize(
    "path", ["/accounts/nobody", "/counterparties/nobody", "/accounts/a%2Fb", "/search?q="]
)
def test_pages_of_what_is_not_known(sign_in: SignIn, path: str) -> None:
    assert sign_in("viewer").get(PREFIX + path).status_code == 200


@pytest.mark.parametrize("how", ["id", "reference", "transaction"])
def test_search_leads_to_the_alert(alerts: list[Alert], sign_in: SignIn, how: str) -> None:
    one = alerts[7]
    text = {"id": str(one.alert_id), "reference": one.alert_id.hex[:8], "transaction": one.transaction_id}[
        how
    ]
    hits = sign_in("viewer").get(f"{PREFIX}/api/search", params={"q": text}).json()["hits"]
    assert hits[0]["path"] == f"/alerts/{one.alert_id}"


def test_search_leads_straight_to_the_only_hit(alerts: list[Alert], sign_in: SignIn) -> None:
    answer = sign_in("viewer").get(f"{PREFIX}/search", params={"q": f" {alerts[0].counterparty_id} "})
    assert answer.headers["location"] == f"{PREFIX}/counterparties/{alerts[0].counterparty_id}"
    assert sign_in("viewer").get(f"{PREFIX}/search", params={"q": "nothing"}).status_code == 200


def _link(bank: MemoryBank, alert: Alert) -> str:
    answers = bank.stores().answers
    assert answers is not None
    link = answers.links.link(alert)
    assert link is not None
    return link


def _asked(alerts: list[Alert]) -> Alert:
    return next(one for one in alerts if one.typology == "card_testing")


@pytest.mark.parametrize(
    ("answer", "status", "action"),
    [("genuine", Status.DISMISSED, Action.ANSWER_GENUINE), ("fraud", Status.ESCALATED, Action.ANSWER_FRAUD)],
)
def test_a_customer_answers_once(
    bank: MemoryBank, alerts: list[Alert], sign_in: SignIn, answer: str, status: Status, action: Action
) -> None:
    one, nobody = _asked(alerts), sign_in(None)
    link = _link(bank, one)
    asked = nobody.get(link)
    assert asked.status_code == 200
    assert one.account_id not in asked.text
    assert "<script" not in asked.text
    assert bank.stores().cases.history(one.alert_id) == []  # looking decides nothing
    form: dict[str, Any] = {"data": {"answer": answer}}
    assert nobody.post(link, **form).status_code == 200
    event = bank.stores().cases.history(one.alert_id)[0]
    assert (event.deed.action, event.case.status) == (action, status)
    assert [label.source for label in bank.labels] == ["CUSTOMER"]
    for again in (nobody.get(link), nobody.post(link, **form)):
        assert again.status_code == 410
        assert "cannot be used" in again.text
    assert len(bank.stores().cases.history(one.alert_id)) == 1


def test_a_customer_is_asked_in_their_language(
    bank: MemoryBank, alerts: list[Alert], sign_in: SignIn
) -> None:
    one = _asked(alerts)
    (customer,) = simulated_customers([str(one.customer_id)])
    bank.stores().customers.put([customer])
    words = {"de": "Waren Sie das?", "en": "Was this you?"}[customer.language]
    assert words in sign_in(None).get(_link(bank, one)).text


@pytest.mark.parametrize("body", ["", "answer=maybe", "answer=genuine&answer=fraud", "x" * 10_000])
def test_an_answer_that_is_none_changes_nothing(
    bank: MemoryBank, alerts: list[Alert], sign_in: SignIn, body: str
) -> None:
    one = _asked(alerts)
    assert sign_in(None).post(_link(bank, one), content=body).status_code == 400
    assert bank.stores().cases.history(one.alert_id) == []


def test_a_forged_link_and_a_store_that_is_away_tell_nothing(bank: MemoryBank, sign_in: SignIn) -> None:
    forged = sign_in(None).get(f"{PREFIX}/answer/forged.link")
    assert forged.status_code == 403
    bank.failure = StoreUnavailable("reading alerts")
    away = sign_in(None).get(f"{PREFIX}/answer/forged.link")
    assert away.status_code == 503
    for answer in (forged, away):
        assert "Fraud desk" not in answer.text
        assert "Cassandra" not in answer.text
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_an_alert_is_listed_once_and_released_by_who_has_it(
    bank: MemoryBank, alerts: list[Alert], sign_in: SignIn
) -> None:
    stores = bank.stores()
    repeats = stores.handlings.repeats([one.alert_id for one in alerts])
    leader, joined = max(repeats.items(), key=lambda found: len(found[1]))
    analyst = sign_in("analyst")
    view = analyst.get(f"{PREFIX}/api/alerts/{leader}").json()
    assert {one["alert_id"] for one in view["repeats"]} == {str(one) for one in joined}
    assert not {one["alert_id"] for one in view["of_account"]} & {str(one) for one in joined}
    path, now = f"{PREFIX}/alerts/{leader}", datetime.now(UTC)
    stores.casework.act(leader, Deed(Action.ESCALATE, "deadline", now, comment="nobody took it"))
    page = analyst.get(path).text
    assert 'data-act="release"' not in page
    assert "The <strong>deadline</strong> passed: escalated" in page
    stores.casework.act(leader, Deed(Action.ASSIGN, "analyst", now, assignee="analyst"))
    assert 'data-act="release"' in analyst.get(path).text


def test_reasons_are_told_once_and_in_words(alerts: list[Alert]) -> None:
    rule = "Card testing: 12 small payments (account_count_1h = 12, threshold >= 5; hour_of_day = 3)"
    alert = replace(
        alerts[0],
        rule_hits=("card_testing",),
        reasons=(rule, "12 payments from this account in the last hour", "Unusual: something"),
        contributions={"account_count_1h": 1.5},
        features={"account_count_1h": 12.0},
    )
    first, *others = told_reasons(alert)
    assert first.words == "Card testing: 12 small payments"
    assert first.figures[0] == "12 payments from this account in the last hour (threshold >= 5)"
    assert [one.words for one in others] == ["Unusual: something"]
