"""Alerts about accepted odd records: formulas, markup and controls reach nobody as more than text."""

from __future__ import annotations

import csv
import io
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from include.alerts.alert import Alert, alert_id_for
from include.alerts.delivery import CUSTOMER, ESCALATION, STAFF
from include.alerts.gsm import parts_of
from include.alerts.rendering import SMS_PARTS, Renderer
from include.transactions.validation import Parsed, validate
from plugins.fraud_desk.access import Role
from tests.alerts.examples import alert, delivery
from tests.desk.bank import MemoryBank
from tests.desk.work import Work
from tests.transactions.odd_records import fixed

NOW = datetime.now(UTC)


def _odd() -> list[Parsed]:
    judged = [
        validate(one.value, one.key, NOW, timedelta(days=30)) for one in fixed(NOW) if one.kind == "injection"
    ]
    return [one for one in judged if isinstance(one, Parsed)]


ODD = _odd()


def about(one: Parsed) -> Alert:
    """An alert on a record, whose words say what the record said."""
    return alert(
        alert_id=alert_id_for(one.transaction_id),
        transaction_id=one.transaction_id,
        account_id=one.account_id,
        counterparty_id=one.counterparty_id,
        customer_id=one.customer_id,
        occurred_at=one.occurred_at,
        arrived_at=NOW,
        raised_at=NOW,
        reasons=(f"first payment to {one.counterparty_id}", f"new device {one.device_id}"),
        typology="account_takeover",
    )


class Tags(HTMLParser):
    """Every tag of a page with its attributes' names, and what would run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.runs: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags[tag, tuple(name for name, _ in attributes)] += 1
        for name, value in attributes:
            led = name in ("href", "src", "action", "formaction") and (value or "").strip().startswith(
                "javascript:"
            )
            if led or name.startswith("on"):
                self.runs.append(name)


def test_there_are_many() -> None:
    assert len(ODD) >= 200


@pytest.mark.parametrize("audience", [STAFF, CUSTOMER, ESCALATION])
@pytest.mark.parametrize("language", ["en", "de"])
def test_messages_have_no_markup_of_their_own(audience: str, language: str) -> None:
    renderer = Renderer(desk_url="https://desk.bank.example")
    plain = alert(raised_at=NOW, arrived_at=NOW)
    usual = Tags(renderer.render(plain, delivery(plain, audience=audience, language=language)).html).tags
    for one in ODD:
        written = renderer.render(about(one), delivery(about(one), audience=audience, language=language))
        found = Tags(written.html)
        assert found.tags == usual
        assert found.runs == []
        assert "\n" not in written.subject
        assert "\r" not in written.subject
        assert parts_of(written.short) <= SMS_PARTS


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    folder: Path = tmp_path_factory.mktemp("bank")
    one = Work(MemoryBank.at(folder))
    one.bank.raise_alerts(*(about(odd) for odd in ODD[::4]))
    for odd in ODD[::20]:
        one.box.refuse(odd.counterparty_id.encode(), odd.counterparty_id)
    return one


def test_pages_of_the_desk_have_no_markup_of_their_own(work: Work) -> None:
    analyst = work.client(Role.ANALYST)
    queue = analyst.get("/queue?list=ALL")
    assert queue.status_code == 200
    assert Tags(queue.text).runs == []
    assert all(name != "script" or "src" in attributes for (name, attributes) in Tags(queue.text).tags)
    for odd in ODD[::4]:
        shown = about(odd)
        for path in (f"/alerts/{shown.alert_id}", f"/counterparties/{uuid.uuid4()}"):
            page = analyst.get(path)
            assert page.status_code == 200
            found = Tags(page.text)
            assert found.runs == []
            assert all(name != "script" or "src" in attributes for (name, attributes) in found.tags)
            assert not any(name == "img" for name, _ in found.tags)
        assert analyst.get(f"/alerts/{shown.alert_id}/case.pdf").content.startswith(b"%PDF-")
        assert analyst.get(f"/alerts/{shown.alert_id}/case.json").json()
    letters = Tags(analyst.get("/dead-letters").text)
    assert letters.runs == []
    assert not any(name == "img" for name, _ in letters.tags)


def test_no_cell_of_the_export_is_a_formula(work: Work) -> None:
    text = work.client(Role.ANALYST).get("/queue.csv?list=ALL").text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == len({about(odd).alert_id for odd in ODD[::4]})
    cells = [cell for row in rows for cell in row.values()]
    odd = [cell for cell in cells if cell[:1] in tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")]
    assert [cell for cell in odd if not cell.lstrip("-").replace(".", "", 1).isdigit()] == []
