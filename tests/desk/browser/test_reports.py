"""A report asked for on the page, made by Airflow, opened as a page and as PDF."""

from __future__ import annotations

from datetime import UTC, datetime

from playwright.sync_api import expect

from tests.desk.browser.conftest import OpenDesk
from tests.desk.browser.waiting import until


def test_the_report_of_today(desk: OpenDesk) -> None:
    window = desk("analyst", "/reports")
    page, today = window.page, datetime.now(UTC).date().isoformat()
    page.get_by_label("Day").fill(today)
    page.locator("form", has=page.get_by_label("Day")).get_by_role("button", name="Make it").click()
    window.says("Started build_reports")
    row = page.locator("tr", has_text=today)

    def look() -> bool:
        window.open("/reports")
        return row.count() == 1

    until(f"the report of {today}", look, 240, every=3)
    pdf = page.request.get(f"{window.airflow}{row.get_by_role('link', name='PDF').get_attribute('href')}")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.body().startswith(b"%PDF-")
    document = page.request.get(
        f"{window.airflow}{row.get_by_role('link', name='JSON').get_attribute('href')}"
    )
    assert document.ok
    with page.expect_download() as started:
        row.get_by_role("link", name="PDF").click()
    assert today in started.value.suggested_filename
    row.get_by_role("link", name=today).click()
    expect(page.locator("h1")).to_contain_text(today)
    expect(page.locator("main, body").first).to_contain_text("Alerts")
