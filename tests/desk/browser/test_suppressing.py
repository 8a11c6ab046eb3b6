"""An account is suppressed on an alert's page; its next alert is kept, and nobody is told."""

from __future__ import annotations

from playwright.sync_api import expect

from include.cases.case import Status
from tests.desk.browser.chain import Chain
from tests.desk.browser.conftest import OpenDesk
from tests.desk.browser.waiting import until


def test_an_alert_of_a_suppressed_account(chain: Chain, desk: OpenDesk) -> None:
    account = chain.open_accounts("quiet")["quiet"]
    told = chain.alert_of(chain.rob(account))
    until("the first alert to be told", lambda: chain.messages_of(told.alert_id), 60)
    window = desk("analyst")
    page = window.page
    window.alert(told.alert_id)
    page.get_by_role("button", name="Suppress account").click()
    dialog = page.get_by_role("dialog", name="Suppress")
    expect(dialog.get_by_label("Which")).to_have_value(account)
    dialog.get_by_role("combobox", name="For").select_option("1 hour")
    dialog.get_by_label("Why").fill("Moves house and pays for it; called.")
    dialog.get_by_role("button", name="Suppress").click()
    window.says("is suppressed")

    kept = chain.alert_of(chain.rob(account))
    assert chain.status_of(kept.alert_id) is Status.SUPPRESSED
    until("alerting of that batch to end", lambda: chain.is_alerted(kept), 60)
    assert chain.deliveries_of(kept.alert_id) == []
    assert chain.messages_of(kept.alert_id) == []
    window.alert(kept.alert_id)
    expect(page.locator("#case")).to_contain_text("suppressed")
    expect(page.locator("main")).to_contain_text("Moves house and pays for it; called.")

    window.open("/suppressions")
    row = page.locator("#active tr", has_text=account)
    expect(row).to_contain_text("analyst")
    row.get_by_role("button", name="Lift").click()
    window.says("Lifted")
    expect(page.locator("#over")).to_contain_text(account)
    again = chain.alert_of(chain.rob(account))
    assert chain.status_of(again.alert_id) is not Status.SUPPRESSED
