"""An alert worked on from queue to disposition, with the mouse and with the keyboard; two people at once."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from include.alerts.alert import Alert
from tests.desk.browser.chain import Chain
from tests.desk.browser.conftest import OpenDesk
from tests.desk.browser.desk import Desk
from tests.desk.browser.waiting import until

PURPOSES = ("mouse", "keys", "two", "row", "many")


@pytest.fixture(scope="module")
def alerts(chain: Chain) -> dict[str, Alert]:
    """One fresh alert for each purpose, each of an account of its own."""
    accounts = chain.open_accounts(*PURPOSES)
    robbed = {purpose: chain.rob(account) for purpose, account in accounts.items()}
    return {purpose: chain.alert_of(transaction_id) for purpose, transaction_id in robbed.items()}


def test_with_the_mouse(chain: Chain, desk: OpenDesk, alerts: dict[str, Alert]) -> None:
    alert, window = alerts["mouse"], desk("analyst", "/queue")
    page = window.page
    page.locator(f"#row-{alert.alert_id} a.open").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("arge amount")
    page.get_by_role("button", name="Assign to me").click()
    window.says("assigned")
    expect(page.locator("#case")).to_contain_text("in review")
    page.get_by_role("button", name="Confirm fraud", exact=True).click()
    dialog = page.get_by_role("dialog", name="Confirm fraud")
    dialog.get_by_label("Comment").fill("Card holder called: not hers.")
    dialog.get_by_role("button", name="Confirm fraud").click()
    window.says("confirmed as fraud")
    expect(page.locator("#history")).to_contain_text("analyst confirmed as fraud")
    expect(page.locator("#history")).to_contain_text("Card holder called: not hers.")
    _labelled(chain, alert, is_fraud=True)
    # The label has come round: through the topic into the store the page reads.
    window.alert(alert.alert_id)
    until("the label on the page", lambda: _verdict(window, alert) == {"ANALYST": True}, 120)


def test_with_the_keyboard_alone(chain: Chain, desk: OpenDesk, alerts: dict[str, Alert]) -> None:
    alert, window = alerts["keys"], desk("analyst", "/queue?sort=newest")
    page, keys = window.page, window.page.keyboard
    row = page.locator(f"#row-{alert.alert_id}")
    expect(row).to_be_visible()
    for _ in range(60):
        keys.press("j")
        if "here" in (row.get_attribute("class") or ""):
            break
    expect(row).to_have_class(re.compile("here"))
    keys.press("Enter")
    page.wait_for_url(re.compile(str(alert.alert_id)))
    page.wait_for_load_state()  # keys mean something once the scripts are there
    keys.press("a")
    expect(page.locator("#case")).to_contain_text("in review")
    keys.press("d")
    dialog = page.get_by_role("dialog", name="Dismiss")
    expect(dialog.get_by_label("Why")).to_be_focused()
    keys.press("Control+Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("Say why")
    keys.type("On holiday; confirmed by phone.")
    keys.press("Control+Enter")
    window.says("dismissed")
    expect(page.locator("#history")).to_contain_text("On holiday; confirmed by phone.")
    _labelled(chain, alert, is_fraud=False)
    keys.press("u")
    page.wait_for_url(re.compile(r"/queue"))
    expect(page.get_by_role("heading", name="Queue")).to_be_visible()
    expect(page.locator(f"#row-{alert.alert_id}")).to_have_count(0)


def test_two_people_at_one_alert(chain: Chain, desk: OpenDesk, alerts: dict[str, Alert]) -> None:
    alert = alerts["two"]
    first, second = desk("analyst"), desk("approver")
    second.watched.forgive("409 (Conflict)")
    for one in (first, second):
        one.alert(alert.alert_id)
    # The second one has a comment half written when the first one is done.
    second.page.get_by_role("button", name="Dismiss").click()
    dialog = second.page.get_by_role("dialog", name="Dismiss")
    dialog.get_by_label("Why").fill("Looks genuine to me.")
    first.page.get_by_role("button", name="Assign to me").click()
    first.says("assigned")
    # A look at the page behind the dialog, in the midst of it, changes nothing of what was decided on.
    second.look_again()
    dialog.get_by_role("button", name="Dismiss").click()
    expect(second.page.locator("#changed")).to_be_visible()
    expect(second.page.locator("#changed")).to_contain_text("analyst")
    case = first.api(f"/alerts/{alert.alert_id}")["case"]
    assert (case["status"], case["assignee"]) == ("IN_REVIEW", "analyst")
    assert chain.labels_of(alert.transaction_id) == []
    # Having seen it, the second one decides, and both deeds stand.
    second.page.get_by_role("button", name="Dismiss").click()
    expect(dialog.get_by_label("Why")).to_have_value("Looks genuine to me.")
    dialog.get_by_role("button", name="Dismiss").click()
    second.says("dismissed")
    history = [deed["action"] for deed in first.api(f"/alerts/{alert.alert_id}")["history"]]
    assert history == ["assign", "dismiss"]
    expect(first.page.locator("#changed")).to_contain_text("Changed by approver", timeout=30_000)


def test_two_people_at_one_row_of_the_queue(chain: Chain, desk: OpenDesk, alerts: dict[str, Alert]) -> None:
    alert = alerts["row"]
    first, second = desk("analyst"), desk("approver", f"/queue?account={alert.account_id}")
    first.alert(alert.alert_id)
    second.page.get_by_label("Select all on this page").check()
    second.page.get_by_role("toolbar").get_by_role("button", name="Dismiss").click()
    dialog = second.page.locator("#act")
    dialog.get_by_label("Why").fill("Looks genuine to me.")
    first.page.get_by_role("button", name="Assign to me").click()
    first.says("assigned")
    second.look_again()
    dialog.get_by_role("button", name="Dismiss").click()
    expect(second.page.locator("#results")).to_contain_text("analyst")
    case = first.api(f"/alerts/{alert.alert_id}")["case"]
    assert (case["status"], case["assignee"]) == ("IN_REVIEW", "analyst")


def test_many_at_once(chain: Chain, desk: OpenDesk, alerts: dict[str, Alert]) -> None:
    alert = alerts["many"]
    window = desk("analyst", f"/queue?account={alert.account_id}")
    page = window.page
    page.get_by_label("Select all on this page").check()
    expect(page.locator("#bulk-count")).to_have_text("1 selected")
    page.get_by_role("toolbar").get_by_role("button", name="Snooze").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Leave alone for").select_option("1 hour")
    dialog.get_by_label("Why").fill("Waits for the merchant.")
    dialog.get_by_role("button", name="Snooze").click()
    window.says("1 alert snoozed")
    case = window.api(f"/alerts/{alert.alert_id}")
    assert case["case"]["status"] == "SNOOZED"
    until_then = datetime.fromisoformat(case["snoozed_until"]) - datetime.now(UTC)
    assert 3_400 < until_then.total_seconds() <= 3_600


def _labelled(chain: Chain, alert: Alert, is_fraud: bool) -> None:
    """The topic holds the analyst's label, once."""
    (label,) = until(
        f"the label of {alert.transaction_id}", lambda: chain.labels_of(alert.transaction_id), 30
    )
    assert (label["transaction_id"], label["account_id"]) == (alert.transaction_id, alert.account_id)
    assert (label["is_fraud"], label["source"]) == (is_fraud, "ANALYST")


def _verdict(window: Desk, alert: Alert) -> dict[str, bool]:
    return {one["source"]: one["is_fraud"] for one in window.api(f"/alerts/{alert.alert_id}")["verdicts"]}
