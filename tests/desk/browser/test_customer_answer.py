"""The link in a customer's message: opened by somebody who is nobody to Airflow, answered once."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.desk.browser.chain import MAIL, PHONE, Chain
from tests.desk.browser.conftest import OpenDesk
from tests.desk.browser.desk import PREFIX
from tests.desk.browser.waiting import until

_LINK = re.compile(rf"https?://\S+{PREFIX}/answer/([A-Za-z0-9_.=-]+)")


def test_it_was_not_me(chain: Chain, desk: OpenDesk) -> None:
    account = chain.open_accounts("holder")["holder"]
    alert = chain.alert_of(chain.rob(account))
    sms, mail = (
        until(
            f"the message to {recipient}", lambda to=recipient: links(chain, to, alert.alert_id.hex[:8]), 60
        )
        for recipient in (PHONE, MAIL)
    )
    assert sms == mail
    staff = desk("analyst")
    staff.alert(alert.alert_id)

    window = desk(None)
    window.watched.forgive("403 (Forbidden)", "410 (Gone)")
    page = window.page
    path = f"/answer/{sms}"
    assert window.open(path).status == 200
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("main")).to_contain_text("4,870.00")
    # Looking answers nothing, however often.
    window.open(path)
    assert staff.api(f"/alerts/{alert.alert_id}")["case"]["version"] == 0
    page.locator("button[value=fraud]").click()
    expect(page.get_by_role("status")).to_be_visible()
    case = staff.api(f"/alerts/{alert.alert_id}")
    assert case["case"]["status"] == "ESCALATED"
    assert [deed["action"] for deed in case["history"]] == ["customer_denies"]
    (label,) = until("the customer's label", lambda: chain.labels_of(alert.transaction_id), 30)
    assert (label["is_fraud"], label["source"]) == (True, "CUSTOMER")
    # The analyst who has the page open sees it without doing anything.
    expect(staff.page.locator("#case")).to_contain_text("escalated", timeout=30_000)
    expect(staff.page.locator("#history")).to_contain_text("it was not me")

    assert window.open(path).status == 410
    expect(page.locator("main")).to_contain_text("cannot be used")
    again = page.request.post(f"{window.airflow}{PREFIX}{path}", form={"answer": "genuine"})
    assert again.status == 410
    assert window.open(f"/answer/{_forged(sms)}").status == 403
    assert (
        page.request.post(f"{window.airflow}{PREFIX}/answer/{_forged(sms)}", form={"answer": "fraud"}).status
        == 403
    )
    assert len(chain.labels_of(alert.transaction_id)) == 1


def links(chain: Chain, recipient: str, reference: str) -> str | None:
    """The token in the newest message about an alert."""
    for text in chain.messages_to(recipient):
        found = _LINK.search(text)
        if found and reference.upper() in text.upper():
            return found[1]
    return None


def _forged(token: str) -> str:
    """A token of the same form, its signature changed in its middle (the last character has spare bits)."""
    content, _, signature = token.rpartition(".")
    place = len(signature) // 2
    other = "A" if signature[place] != "A" else "B"
    return f"{content}.{signature[:place]}{other}{signature[place + 1 :]}"
