"""The page of deliveries: addresses masked, every delivery once, the dead sent again by approvers only."""

from __future__ import annotations

import csv
import html
import io
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.alerts.delivery import CUSTOMER, STAFF, Delivery, DeliveryState, Place
from include.alerts.delivery_masking import shown_recipient
from plugins.fraud_desk.access import Role
from plugins.fraud_desk.deliveries import DeliveryRow, deliveries_of
from plugins.fraud_desk.pages.deliveries import PAGE, place_of, place_text
from plugins.fraud_desk.rendering import templates
from tests.desk.bank import MemoryBank
from tests.desk.work import Work

NOW = datetime.now(UTC).replace(microsecond=1_234)
ALERT = uuid.uuid4()


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(MemoryBank.at(tmp_path))


def delivery(number: int = 0, **changes: object) -> Delivery:
    at = NOW - timedelta(seconds=number)
    plain = Delivery(
        delivery_id=uuid.uuid4(),
        alert_id=ALERT,
        channel="email",
        recipient=f"staff-{number}@bank.example",
        audience=STAFF,
        language="en",
        created_at=at,
        arrived_at=at,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def enqueue(work: Work, *deliveries: Delivery) -> None:
    work.bank.stores().outbox.enqueue(deliveries)


def dead(work: Work, **changes: object) -> Delivery:
    one = delivery(1000, **changes)
    outbox = work.bank.stores().outbox
    outbox.enqueue([one])
    claimed = outbox.claim(one, NOW, 60)
    assert claimed is not None
    outbox.dead(claimed, f"550 {one.recipient} unknown", NOW)
    return outbox.get_many([one.delivery_id])[one.delivery_id]


@pytest.mark.parametrize(
    ("recipient", "audience", "shown"),
    [
        ("desk@bank.example", STAFF, "desk@bank.example"),
        ("jane.doe@mail.example", CUSTOMER, "j••••@mail.example"),
        ("+49301234567", CUSTOMER, "••••4567"),
        ("https://u:p@hooks.example/services/T0/B0/secret", STAFF, "https://hooks.example/••••"),
    ],
)
def test_recipients_as_they_may_be_shown(recipient: str, audience: str, shown: str) -> None:
    assert shown_recipient(delivery(recipient=recipient, audience=audience)) == shown


def test_an_error_does_not_tell_the_address(work: Work) -> None:
    one = dead(work, recipient="jane.doe@mail.example", audience=CUSTOMER)
    assert DeliveryRow.of(one).last_error == "550 j••••@mail.example unknown"
    for path in ("/deliveries", "/deliveries.csv", f"/api/alerts/{ALERT}/deliveries"):
        text = work.client(Role.APPROVER).get(path).text
        assert "jane.doe" not in text
        assert "j••••@mail.example" in text


def test_pages_hold_every_delivery_once_newest_first(work: Work) -> None:
    enqueue(work, *(delivery(number) for number in range(2 * PAGE + 5)))
    client, address, seen = work.client(Role.VIEWER), "/deliveries", []
    while address:
        page = client.get(address).text
        on_page = [number for number in range(2 * PAGE + 5) if f">staff-{number}</span><wbr>" in page]
        places = [page.index(f">staff-{number}</span><wbr>") for number in on_page]
        assert places == sorted(places)
        seen += on_page
        address = html.unescape(page.partition('rel="next" href="')[2].partition('"')[0]).removeprefix(
            "/fraud-desk"
        )
    assert seen == list(range(2 * PAGE + 5))


def test_filters(work: Work) -> None:
    enqueue(work, delivery(1), delivery(2, channel="sms", recipient="+49301234567"))
    dead(work)
    client = work.client(Role.VIEWER)
    assert "staff-1000@" in (page := client.get("/deliveries?state=DEAD").text)
    assert ">staff-1<" not in page
    assert ">staff-1<" not in client.get("/deliveries?channel=sms").text
    assert ">staff-1<" in client.get("/deliveries?state=NONSENSE&after=nowhere").text


def test_the_list_as_a_file(work: Work) -> None:
    enqueue(work, *(delivery(number) for number in range(1_203)))
    rows = list(csv.DictReader(io.StringIO(work.client(Role.ANALYST).get("/deliveries.csv").text)))
    assert [row["recipient"] for row in rows] == [f"staff-{number}@bank.example" for number in range(1_203)]
    assert work.deeds() == [("anna", "deliveries exported", "deliveries")]


def test_a_dead_one_is_sent_again_once_and_on_record(work: Work) -> None:
    one = dead(work)
    path = f"/api/deliveries/{one.delivery_id}/again"
    client = work.client(Role.APPROVER)
    assert f'data-again="{one.delivery_id}"' in client.get("/deliveries").text
    assert client.post(path, json={}).json() == {"state": "PENDING"}
    assert client.post(path, json={}).status_code == 409
    outbox = work.bank.stores().outbox
    assert [due.delivery_id for due in outbox.due(datetime.now(UTC) + timedelta(seconds=1))] == [
        one.delivery_id
    ]
    assert work.deeds() == [("anna", "delivery sent again", f"delivery {one.delivery_id}")]


def test_all_dead_ones_of_a_channel_are_sent_again_and_on_record(work: Work) -> None:
    enqueue(work, delivery(1), delivery(2), delivery(3, channel="sms", recipient="+49301234567"))
    outbox = work.bank.stores().outbox
    for one in outbox.recent(10):
        claimed = outbox.claim(one, datetime.now(UTC), 60)
        assert claimed is not None
        outbox.dead(claimed, "550", datetime.now(UTC))
    client = work.client(Role.APPROVER)
    assert 'data-all-again="email"' in client.get("/deliveries?state=DEAD&channel=email").text
    assert "data-all-again" not in client.get("/deliveries").text
    assert "data-all-again" not in work.client(Role.ANALYST).get("/deliveries?state=DEAD").text
    path, wanted = "/api/deliveries/again", {"channel": "email"}
    assert work.client(Role.ANALYST).post(path, json=wanted).status_code == 403
    assert client.post(path, json={"channel": "pigeon"}).status_code == 422
    assert client.post(path, json=wanted).json() == {"sent_again": 2, "more": False}
    assert client.post(path, json=wanted).json() == {"sent_again": 0, "more": False}
    assert outbox.counts()[DeliveryState.DEAD] == 1
    assert work.deeds() == [("anna", "deliveries sent again", "deliveries")]


def test_only_approvers_of_this_site_send_again(work: Work) -> None:
    one = dead(work)
    path = f"/api/deliveries/{one.delivery_id}/again"
    assert work.client(Role.ANALYST).post(path, json={}).status_code == 403
    assert "data-again" not in work.client(Role.ANALYST).get("/deliveries").text
    foreign = {"origin": "https://evil.example"}
    assert work.client(Role.APPROVER).post(path, json={}, headers=foreign).status_code == 403
    unknown = f"/api/deliveries/{uuid.uuid4()}/again"
    assert work.client(Role.APPROVER).post(unknown, json={}).status_code == 404
    assert work.bank.stores().outbox.counts()[DeliveryState.DEAD] == 1
    assert work.deeds() == []


def test_the_block_of_an_alert(work: Work) -> None:
    enqueue(work, delivery(1), delivery(2, alert_id=uuid.uuid4()))
    found = deliveries_of(work.bank.stores().outbox, ALERT)
    assert [one.recipient for one in found] == ["staff-1@bank.example"]
    block = templates().get_template("deliveries_of_alert.html")
    assert ">staff-1<" in (text := block.render(deliveries=found))
    assert ">@bank.example<" in text
    assert "Nobody was told" in block.render(deliveries=())
    told = work.client(Role.VIEWER).get(f"/api/alerts/{ALERT}/deliveries").json()
    assert [one["recipient"] for one in told] == ["staff-1@bank.example"]


def test_places_come_back() -> None:
    place = Place.of(delivery(3))
    assert place_of(place_text(place)) == place
    assert place_of("") is None
    assert place_of("20260101T000000.000000_x") is None
