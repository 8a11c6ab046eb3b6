"""In through Airflow's own login page, and the desk found where Airflow's navigation says it is."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from include.local.browser import sign_in
from include.local.secrets import load_secrets
from include.settings import Settings
from tests.desk.browser.conftest import OpenDesk
from tests.desk.browser.desk import PREFIX


def test_the_desk_is_in_the_navigation(running: Settings, desk: OpenDesk) -> None:
    window = desk(None)
    page = window.page
    window.watched.forgive("An iframe which has both")  # Airflow's frame, not ours
    sign_in(page, window.airflow, "analyst", load_secrets(running.stack_dir).analyst)
    page.get_by_role("link", name="Fraud desk").click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="Overview")).to_be_visible()
    frame.get_by_role("link", name="Queue").first.click()
    expect(frame.get_by_role("heading", name="Queue")).to_be_visible()
    expect(frame.locator("header .who")).to_contain_text("analyst")
    # A dialog of the desk opens inside the frame too, although the frame is sandboxed.
    frame.get_by_role("button", name="Keyboard").click()
    expect(frame.get_by_role("dialog", name="Keyboard")).to_be_visible()


def test_the_desk_on_its_own_asks_to_sign_in_and_leads_back(running: Settings, desk: OpenDesk) -> None:
    window = desk(None)
    path = f"{PREFIX}/queue?severity=HIGH"
    sign_in(window.page, window.airflow, "viewer", load_secrets(running.stack_dir).viewer, then=path)
    expect(window.page.get_by_role("heading", name="Queue")).to_be_visible()
    expect(window.page.get_by_role("combobox", name="Severity")).to_have_value("HIGH")


def test_a_viewer_is_offered_nothing_to_do(desk: OpenDesk) -> None:
    window = desk("viewer", "/queue?list=ALL")
    page = window.page
    page.locator("a.open").first.click()
    page.wait_for_url(re.compile("/alerts/"))
    expect(page.locator("#case")).to_be_visible()
    assert page.locator("[data-act], [data-suppress]").count() == 0
