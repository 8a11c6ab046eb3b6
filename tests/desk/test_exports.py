"""Exports: whole, harmless to spreadsheets, and on record with who took them."""

from __future__ import annotations

import csv
import io
import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.cases.case import Action, Deed
from include.pipeline.desk_audit import DeskAudit
from include.reports.case_file import is_unchanged
from include.transactions.errors import TopicsUnavailable
from plugins.fraud_desk.access import Role
from plugins.fraud_desk.pages.dead_letters import PAGE
from tests.desk.bank import MemoryBank
from tests.desk.serve import filled
from tests.desk.work import Work
from tests.reports.pdf_reader import text_of


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(filled(tmp_path, 30))


def exports(work: Work) -> list[tuple[str, str, str]]:
    return [deed for deed in work.deeds() if "exported" in deed[1]]


def test_a_case_as_json_and_pdf(work: Work) -> None:
    client = work.client(Role.ANALYST)
    (row, *_) = csv.DictReader(io.StringIO(client.get("/queue.csv?list=ALL").text))
    alert_id = row["alert_id"]
    told = client.get(f"/alerts/{alert_id}/case.json")
    assert is_unchanged(told.content)
    document = json.loads(told.content)
    assert document["content"]["alert"]["alert_id"] == alert_id
    assert document["made"]["by"] == "anna"
    assert told.headers["content-disposition"] == f'attachment; filename="case-{alert_id}.json"'
    assert len(document["content"]["transactions_around"]) > 1
    pdf = client.get(f"/alerts/{alert_id}/case.pdf")
    assert pdf.content.startswith(b"%PDF")
    assert exports(work)[1:] == [("anna", "case exported", f"alert {alert_id}")] * 2
    *_, record = DeskAudit(work.bank.lake)._chain.records()
    assert record.content["sha256"] == document["sha256"]


def test_the_queue_as_a_file_is_the_whole_list(work: Work) -> None:
    client = work.client(Role.ANALYST)
    rows = list(csv.DictReader(io.StringIO(client.get("/queue.csv?list=ALL").text)))
    assert len({row["alert_id"] for row in rows}) == len(rows) == 30
    chosen = list(csv.DictReader(io.StringIO(client.get("/queue.csv?list=ALL&severity=HIGH").text)))
    assert len(chosen) == sum(row["severity"] == "HIGH" for row in rows) > 0
    assert exports(work) == [("anna", "queue exported", "queue")] * 2


def test_more_than_one_piece(tmp_path: Path) -> None:
    work = Work(filled(tmp_path, 450))
    text = work.client(Role.ANALYST).get("/queue.csv?list=ALL").text
    assert len(list(csv.DictReader(io.StringIO(text)))) == 450


def test_viewers_take_nothing_out(work: Work) -> None:
    client = work.client(Role.VIEWER)
    for path in (
        "/queue.csv",
        "/deliveries.csv",
        "/suppressions.csv",
        "/dead-letters.csv",
        "/transactions.csv?account=A-1",
        f"/alerts/{uuid.uuid4()}/case.json",
        f"/alerts/{uuid.uuid4()}/case.pdf",
    ):
        assert client.get(path).status_code == 403
    assert exports(work) == []


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_sites_page_takes_nothing_out_in_somebodys_name(work: Work, site: str) -> None:
    client = work.client(Role.ANALYST)
    (row, *_) = csv.DictReader(io.StringIO(client.get("/queue.csv?list=ALL").text))
    case = f"/alerts/{row['alert_id']}/case"
    for path in ("/queue.csv", "/deliveries.csv", "/suppressions.csv", f"{case}.json", f"{case}.pdf"):
        assert client.get(path, headers={"sec-fetch-site": site}).status_code == 403
        assert client.get(path, headers={"sec-fetch-site": "none"}).status_code == 200
    assert len(exports(work)) == 1 + 5


def test_suppressions_as_a_file(work: Work) -> None:
    client = work.client(Role.ANALYST)
    for value in ("A-1", "=cmd()"):
        asked = {"scope": "account", "value": value, "reason": "holiday", "minutes": 60}
        assert client.post("/api/suppressions", json=asked).status_code == 201
    rows = list(csv.DictReader(io.StringIO(client.get("/suppressions.csv").text)))
    assert [(row["value"], row["author"]) for row in rows] == [("'=cmd()", "anna"), ("A-1", "anna")]
    assert exports(work) == [("anna", "suppressions exported", "suppressions")]


def test_an_accounts_transactions_as_a_file(work: Work) -> None:
    client = work.client(Role.ANALYST)
    (alert, *_) = csv.DictReader(io.StringIO(client.get("/queue.csv?list=ALL").text))
    account = alert["account_id"]
    rows = list(csv.DictReader(io.StringIO(client.get(f"/transactions.csv?account={account}").text)))
    assert {row["account_id"] for row in rows} == {account}
    assert alert["transaction_id"] in {row["transaction_id"] for row in rows}
    assert exports(work)[1:] == [("anna", "transactions exported", "transactions")]
    *_, record = DeskAudit(work.bank.lake)._chain.records()
    assert record.content["account_id"] == account
    assert f"transactions.csv?account={account}" in client.get(f"/accounts/{account}").text
    assert "transactions.csv" not in work.client(Role.VIEWER).get(f"/accounts/{account}").text
    assert client.get("/transactions.csv").status_code == 422


def test_dead_letters_as_a_file_are_the_whole_list_and_run_nothing(work: Work) -> None:
    many = PAGE + 7
    for number in range(many):
        work.box.refuse(b'=cmd("\xff")', f"currency: reason {number}")
    work.box.refuse(None, "record: expected a value, found none (tombstone)")
    client = work.client(Role.ANALYST)
    rows = list(csv.DictReader(io.StringIO(client.get("/dead-letters.csv").text)))
    assert len({row["place"] for row in rows}) == len(rows) == many + 1
    assert rows[0]["reasons"].startswith("record: expected")
    assert rows[1]["record"].startswith("'=cmd(")
    assert {row["status"] for row in rows} == {"new"}
    chosen = list(csv.DictReader(io.StringIO(client.get("/dead-letters.csv?reason=reason 12").text)))
    assert [row["reasons"] for row in chosen] == ["currency: reason 12"]
    assert exports(work) == [("anna", "dead letters exported", "dead letters")] * 2
    assert "/dead-letters.csv?reason=reason%2012" in client.get("/dead-letters?reason=reason 12").text


def test_a_list_that_cannot_be_read_is_an_error_and_no_file(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise TopicsUnavailable("the brokers do not answer")

    monkeypatch.setattr(work.box, "page", away)
    assert work.client(Role.ANALYST).get("/dead-letters.csv").status_code == 503
    assert exports(work) == []


def test_the_queue_leads_analysts_to_its_file_with_its_filters(work: Work) -> None:
    link = 'href="/fraud-desk/queue.csv?list=ALL&amp;severity=HIGH"'
    assert link in work.client(Role.ANALYST).get("/queue?list=ALL&severity=HIGH").text
    assert "queue.csv" not in work.client(Role.VIEWER).get("/queue").text
    assert "deliveries.csv" not in work.client(Role.VIEWER).get("/deliveries").text


def test_no_such_case(tmp_path: Path) -> None:
    work = Work(MemoryBank.at(tmp_path))
    assert work.client(Role.ANALYST).get(f"/alerts/{uuid.uuid4()}/case.json").status_code == 404


def test_a_busy_accounts_later_payments_push_nothing_out_of_a_case_file(work: Work) -> None:
    client, past = work.client(Role.ANALYST), work.bank.past.transactions
    (row, *_) = csv.DictReader(io.StringIO(client.get("/queue.csv?list=ALL").text))
    alerted = next(one for one in past if one.transaction_id == row["transaction_id"])
    earlier = {
        one.transaction_id
        for one in past
        if one.account_id == alerted.account_id and one.occurred_at < alerted.occurred_at
    }
    assert json.loads(client.get(f"/alerts/{row['alert_id']}/case.json").content)["content"][
        "transactions_around_are_all"
    ]
    past += [
        replace(
            alerted,
            transaction_id=f"later-{number}",
            occurred_at=alerted.occurred_at + timedelta(seconds=number),
        )
        for number in range(1, 900)
    ]
    content = json.loads(client.get(f"/alerts/{row['alert_id']}/case.json").content)["content"]
    kept = {one["transaction_id"] for one in content["transactions_around"]}
    assert {alerted.transaction_id, *earlier} <= kept
    assert not content["transactions_around_are_all"]
    assert "there are more" in text_of(client.get(f"/alerts/{row['alert_id']}/case.pdf").content)


def test_a_case_file_has_what_is_decided_with_it(tmp_path: Path) -> None:
    work = Work(filled(tmp_path, 90))
    stores, client = work.bank.stores(), work.client(Role.ANALYST)
    rows = list(csv.DictReader(io.StringIO(client.get("/queue.csv?list=ALL").text)))
    repeats = stores.handlings.repeats([uuid.UUID(row["alert_id"]) for row in rows])
    leader, joined = next((one, found) for one, found in repeats.items())
    now = datetime.now(UTC)
    if stores.casework.current([leader])[leader].is_fraud is None:
        stores.casework.act(leader, Deed(Action.CONFIRM_FRAUD, "anna", now))
    content = json.loads(client.get(f"/alerts/{leader}/case.json").content)["content"]
    alerts = stores.alerts.get_many(joined)
    assert {one["alert_id"] for one in content["repeats"]} == {str(one) for one in joined}
    assert {one["transaction_id"] for one in content["repeats"]} == {
        one.transaction_id for one in alerts.values()
    }
    assert all(one["reasons"] for one in content["repeats"])
    assert content["labels"] == []
    assert content["label_on_its_way"] is True
    text = text_of(client.get(f"/alerts/{leader}/case.pdf").content)
    assert "Repeats, decided with it" in text
    assert "still on its way" in text
