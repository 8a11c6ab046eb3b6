"""The page of dead letters: shown whole and harmless, corrected under the stream's own contract, sent once."""

from __future__ import annotations

import html
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.transactions.resent import Resent
from plugins.fraud_desk.access import Role
from plugins.fraud_desk.pages.dead_letters import PAGE, readable, visible
from tests.desk.bank import MemoryBank
from tests.desk.work import HERE, Work, event


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(MemoryBank.at(tmp_path))


def sound() -> dict[str, str]:
    return {"text": event().decode()}


def test_the_list_tells_place_reasons_and_text_and_runs_nothing(work: Work) -> None:
    work.box.refuse(b'{"a": "<script>alert(1)</script>\x00"}', "record: malformed", "another reason")
    work.box.refuse(None, "record: expected a value, found none (tombstone)")
    page = work.client(Role.VIEWER).get("/dead-letters").text
    assert "<script>alert" not in page
    assert (
        html.escape('{"a": "<script>alert(1)</script>⟨U+0000⟩"}', quote=False).replace('"', "&#34;") in page
    )
    assert "another reason" in page
    assert page.index("0:1") < page.index("0:0")
    assert "no value (tombstone)" in page


def test_pages_hold_every_letter_once(work: Work) -> None:
    for number in range(2 * PAGE + 3):
        work.box.refuse(b"{", f"reason number-{number}-")
    client, address, seen = work.client(Role.VIEWER), "/dead-letters", []
    while address:
        page = client.get(address).text
        seen += [number for number in range(2 * PAGE + 3) if f"number-{number}-" in page]
        older = page.partition('rel="next" href="')[2].partition('"')[0]
        address = html.unescape(older).removeprefix("/fraud-desk")
    assert sorted(seen) == list(range(2 * PAGE + 3))


def test_the_filter_is_a_part_of_a_reason(work: Work) -> None:
    work.box.refuse(b"{}", "currency: missing or null")
    work.box.refuse(b"{}", "country: missing or null")
    page = work.client(Role.VIEWER).get("/dead-letters?reason=currency").text
    assert "currency: missing or null" in page
    assert "country: missing or null" not in page
    assert "&lt;b&gt;" in work.client(Role.VIEWER).get("/dead-letters?reason=<b>").text


@pytest.mark.parametrize("place", ["0:5", "x", "0:-1", "..%2F..", "9" * 30])
def test_what_is_nowhere_is_not_found(work: Work, place: str) -> None:
    assert work.client(Role.VIEWER).get(f"/dead-letters/{place}").status_code == 404


def test_a_check_says_what_remains_and_sends_nothing(work: Work) -> None:
    place = work.box.refuse(event(currency=None), "currency: missing or null")
    client = work.client(Role.ANALYST)
    bad = client.post(f"/api/dead-letters/{place}/check", json={"text": event(currency="eur").decode()})
    assert bad.json()["reasons"] == ["currency: expected an ISO 4217 code in capitals"]
    good = client.post(f"/api/dead-letters/{place}/check", json=sound())
    assert good.json() == {"transaction_id": "T1", "reasons": []}
    work.accepted.add("T1")
    known = client.post(f"/api/dead-letters/{place}/check", json=sound()).json()
    assert "accepted already" in known["reasons"][0]
    assert work.topic == []
    assert work.store.get_many([place]) == {}


def test_corrected_it_is_sent_once_and_on_record(work: Work) -> None:
    place = work.box.refuse(event(currency=None), "currency: missing or null")
    text = sound()
    sent = work.client(Role.ANALYST).post(f"/api/dead-letters/{place}/resend", json=text)
    assert (sent.status_code, sent.json()["transaction_id"], sent.json()["by"]) == (200, "T1", "anna")
    again = work.client(Role.APPROVER, "bela").post(f"/api/dead-letters/{place}/resend", json=text)
    assert again.status_code == 422
    assert "which anna sent" in again.json()["error"]
    assert work.topic == [(b"A1", text["text"].encode())]
    assert work.deeds() == [("anna", "dead letter resent", "dead letter 0:0")]
    page = work.client(Role.VIEWER).get(f"/dead-letters/{place}").text
    assert "Sent again" in page
    assert 'id="correct"' not in work.client(Role.ANALYST).get(f"/dead-letters/{place}").text


def test_what_would_be_refused_is_not_sent(work: Work) -> None:
    place = work.box.refuse(b"{", "record: malformed")
    for text in ('"{"', '"{\\"a\\": \\"\\\\ud800\\"}"', '"\\ud800"', '""'):
        answer = work.client(Role.ANALYST).post(
            f"/api/dead-letters/{place}/resend",
            content=f'{{"text": {text}}}',
            headers={"content-type": "application/json"},
        )
        assert answer.status_code == 422, text
    assert work.topic == []


def test_an_interrupted_one_is_taken_up_with_its_own_text(work: Work) -> None:
    place = work.box.refuse(event(currency=None), "currency: missing or null")
    long_ago = datetime.now(UTC) - timedelta(minutes=10)
    text = event()
    work.store.claim(Resent(place, uuid.uuid4(), "T1", text, "bela", long_ago))
    client = work.client(Role.ANALYST)
    assert 'id="take-up"' in client.get(f"/dead-letters/{place}").text
    assert 'id="take-up"' not in work.client(Role.VIEWER).get(f"/dead-letters/{place}").text
    assert client.post(f"/api/dead-letters/{place}/take-up", json={}).status_code == 200
    assert client.post(f"/api/dead-letters/{place}/take-up", json={}).status_code == 422
    assert work.topic == [(b"A1", text)]


def test_labels_are_shown_and_not_sent(work: Work) -> None:
    place = work.box.refuse(b"{}", "source: missing or null", topic="fraud-labels")
    client = work.client(Role.ANALYST)
    assert "is not sent again from here" in client.get(f"/dead-letters/{place}").text
    assert client.post(f"/api/dead-letters/{place}/resend", json=sound()).status_code == 422


@pytest.mark.parametrize("deed", ["check", "resend", "take-up"])
def test_only_analysts_of_this_site_may(work: Work, deed: str) -> None:
    place = work.box.refuse(event(currency=None), "currency: missing or null")
    path = f"/api/dead-letters/{place}/{deed}"
    assert work.client(Role.VIEWER).post(path, json=sound()).status_code == 403
    client = work.client(Role.ANALYST)
    assert client.post(path, json=sound(), headers={"origin": "http://evil.example"}).status_code == 403
    del client.headers["origin"]
    assert client.post(path, json=sound()).status_code == 403
    assert HERE["origin"] == "http://testserver"
    assert work.topic == []


def test_what_one_would_not_see_is_seen() -> None:
    assert (
        visible("a\x00b\x7fc\u200bd\u202ee\u0085\n\tf")
        == "a⟨U+0000⟩b⟨U+007F⟩c⟨U+200B⟩d⟨U+202E⟩e⟨U+0085⟩\n\tf"
    )


def test_the_draft_keeps_numbers_as_they_were_written() -> None:
    assert readable('{"b": 1.2300, "a": {"x": [1e2]}}') == '{\n  "b": 1.2300,\n  "a": {"x":[1e2]}\n}'
    assert readable("{broken") == "{broken"
    assert readable("{}") == "{}"
