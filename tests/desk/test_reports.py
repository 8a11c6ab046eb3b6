"""The page of reports: nothing but reports is served, in a sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.reports.archive import StoredReport
from include.reports.periods import Kind
from plugins.fraud_desk.access import Role
from tests.desk.bank import MemoryBank
from tests.desk.work import Work

DAY = "/reports/daily/2026-11-24/report"


@pytest.fixture
def work(tmp_path: Path) -> Work:
    """A lake with a report of a day and one of a month."""
    made = Work(MemoryBank.at(tmp_path))
    lake, listed = made.bank.lake, []
    for kind, period in (("daily", "2026-11-24"), ("daily", "2026-11-23"), ("monthly", "2026-10")):
        for form in ("html", "pdf", "json"):
            lake.write_bytes(f"reports/{kind}/{period}/report.{form}", f"{form} of {period}".encode())
        entry = {
            "kind": kind, "period": period, "made_at": "2026-11-25T00:31:00Z", "so_far": period == "2026-11-24",
            "digest": "d", "transactions": 1234, "alerts": 12, "precision": 0.5,
        }  # fmt: skip
        listed.append(StoredReport.model_validate(entry).model_dump(mode="json"))
    lake.write_json("reports/index.json", listed)
    lake.write_bytes("reports/secret.json", b"secret")
    return made


def test_the_list_is_newest_first(work: Work) -> None:
    page = work.client(Role.VIEWER).get("/reports").text
    assert page.index("2026-11-24") < page.index("2026-11-23")
    assert "2026-10" in page
    assert page.count("so far</span>") == 1
    assert "50.0 %" in page


def test_documents_are_served_in_a_sandbox(work: Work) -> None:
    client = work.client(Role.VIEWER)
    shown = client.get(f"{DAY}.html")
    assert shown.text == "html of 2026-11-24"
    assert shown.headers["content-security-policy"].startswith("sandbox;")
    assert shown.headers["content-disposition"].startswith("inline")
    assert shown.headers["x-content-type-options"] == "nosniff"
    kept = client.get(f"{DAY}.pdf")
    assert (kept.content, kept.headers["content-type"]) == (b"pdf of 2026-11-24", "application/pdf")
    assert kept.headers["content-disposition"] == f'attachment; filename="{Kind.DAILY}-2026-11-24.pdf"'
    assert client.get("/reports/monthly/2026-10/report.json").text == "json of 2026-10"


@pytest.mark.parametrize(
    "path",
    [
        "/reports/daily/2026-11-22/report.html",
        "/reports/daily/2026-11-24/report.exe",
        "/reports/daily/2026-13-40/report.html",
        "/reports/monthly/2026-11-24/report.html",
        "/reports/yearly/2026/report.html",
        "/reports/daily/..%2f..%2fsecret/report.json",
        "/reports/daily/%2e%2e/report.json",
        "/reports/secret.json",
        "/reports/index.json",
    ],
)
def test_nothing_else_is_served(work: Work, path: str) -> None:
    answer = work.client(Role.APPROVER).get(path)
    assert answer.status_code in (404, 422)
    assert (
        "secret" not in answer.text.replace("%2fsecret", "").replace("..", "") or "fraud desk" in answer.text
    )
    assert " of 2026" not in answer.text


def test_a_report_is_asked_for_by_those_who_may(work: Work) -> None:
    assert 'data-run="build_reports"' in work.client(Role.ANALYST).get("/reports").text
    assert 'data-run="build_reports"' not in work.client(Role.VIEWER).get("/reports").text
    work.startable.clear()
    assert 'data-run="build_reports"' not in work.client(Role.APPROVER).get("/reports").text
