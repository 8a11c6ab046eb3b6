"""The page a digest leads to: every alert it told of, page by page, as it stands now."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.alerts.alert import Alert
from include.alerts.delivery import DIGEST, STAFF, Delivery, delivery_id_for
from include.alerts.storm import CAP, digest_for
from include.cases.case import Action, Deed
from plugins.fraud_desk.access import Role
from plugins.fraud_desk.pages import digest as page_module
from tests.desk.bank import MemoryBank, invented
from tests.desk.work import Work

NOW = datetime.now(UTC)
DESK = "desk@bank.example"


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(MemoryBank.at(tmp_path))


def staff(alert: Alert) -> Delivery:
    return Delivery(
        delivery_id_for(alert.alert_id, "email", DESK, STAFF),
        alert.alert_id, "email", DESK, STAFF, "en", alert.raised_at, alert.arrived_at,
    )  # fmt: skip


def told(work: Work, alerts: list[Alert]) -> uuid.UUID:
    """One digest of all these alerts."""
    outbox, ones = work.bank.stores().outbox, [staff(one) for one in alerts]
    digest = digest_for(ones[0], timedelta(minutes=5), NOW, 0)
    assert digest.audience == DIGEST
    outbox.enqueue([*ones, digest])
    ids = [one.delivery_id for one in ones]
    assert outbox.add_to_digest(digest.alert_id, uuid.uuid4(), ids, CAP)
    assert outbox.fold(ids, digest.alert_id) == len(ones)
    return digest.alert_id


def test_every_alert_of_a_digest_is_on_one_of_its_pages(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "PAGE", 4)
    alerts, _ = invented(10)
    work.bank.raise_alerts(*alerts)
    digest_id = told(work, alerts)
    client, address, seen = work.client(Role.VIEWER), f"/digests/{digest_id}", []
    while address:
        text = client.get(address).text
        assert "10 alerts" in text
        assert "desk<" in text
        seen += [one.alert_id for one in alerts if f"/alerts/{one.alert_id}" in text]
        after = text.partition('rel="next" href="/fraud-desk')[2]
        address = after.partition('"')[0]
    assert sorted(seen) == sorted(one.alert_id for one in alerts)


def test_its_rows_say_how_the_cases_stand(work: Work) -> None:
    alerts, _ = invented(2)
    work.bank.raise_alerts(*alerts)
    digest_id = told(work, alerts)
    work.bank.stores().casework.act(alerts[0].alert_id, Deed(Action.CONFIRM_FRAUD, "bela", NOW))
    view = work.client(Role.VIEWER).get(f"/api/digests/{digest_id}").json()
    standing = {row["alert_id"]: (row["status"], row["assignee"]) for row in view["rows"]}
    assert standing[str(alerts[0].alert_id)] == ("CONFIRMED", "bela")
    assert (view["told"], view["unknown"], view["delivery"]["recipient"]) == (2, 0, DESK)


def test_alerts_that_are_not_kept_any_more_are_counted(work: Work) -> None:
    alerts, _ = invented(3)
    work.bank.raise_alerts(*alerts[:2])
    digest_id = told(work, alerts)
    assert "1 more of this page are not kept any more" in (
        work.client(Role.VIEWER).get(f"/digests/{digest_id}").text
    )


@pytest.mark.parametrize(("number", "status"), [(2, 404), (0, 422), ("x", 422), (10**9, 422)])
def test_a_page_that_is_not_there(work: Work, number: object, status: int) -> None:
    alerts, _ = invented(1)
    work.bank.raise_alerts(*alerts)
    digest_id = told(work, alerts)
    assert work.client(Role.VIEWER).get(f"/digests/{digest_id}?number={number}").status_code == status


def test_a_digest_nobody_knows(work: Work) -> None:
    answer = work.client(Role.VIEWER).get(f"/api/digests/{uuid.uuid4()}")
    assert answer.status_code == 404
    assert "expected a digest" in answer.json()["error"]


def test_a_digest_that_tells_of_nothing(work: Work) -> None:
    """As one is that was made and whose alerts went out alone after all."""
    (alert,), _ = invented(1)
    digest = digest_for(staff(alert), timedelta(minutes=5), NOW, 0)
    work.bank.stores().outbox.enqueue([digest])
    answer = work.client(Role.VIEWER).get(f"/digests/{digest.alert_id}")
    assert answer.status_code == 200
    assert "It tells of nothing" in answer.text


def test_deliveries_lead_to_their_digest(work: Work) -> None:
    alerts, _ = invented(1)
    work.bank.raise_alerts(*alerts)
    digest_id = told(work, alerts)
    client = work.client(Role.VIEWER)
    link = f'href="/fraud-desk/digests/{digest_id}"'
    assert client.get("/deliveries").text.count(link) == 2
    assert link in client.get(f"/alerts/{alerts[0].alert_id}").text
