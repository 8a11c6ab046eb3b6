"""A broken record: seen, corrected on its page, sent again, accepted; and sent no second time."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Locator, expect

from tests.desk.browser.chain import Chain, payment
from tests.desk.browser.conftest import OpenDesk
from tests.desk.browser.desk import Desk
from tests.desk.browser.waiting import until


def test_a_broken_record_is_corrected(chain: Chain, desk: OpenDesk) -> None:
    event = payment("BROWSER-DEAD", currency="EURO")
    chain.send(event)
    window, second = desk("analyst"), desk("approver")
    page, link = window.page, _link_to(window, event)
    link.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Dead letter")
    expect(page.locator("main")).to_contain_text("currency")
    second.page.goto(page.url)

    text = page.get_by_label("The event as JSON")
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#judgement")).to_contain_text("refused again")
    expect(page.get_by_role("button", name="Send again")).to_be_disabled()
    text.fill(json.dumps(event | {"currency": "EUR"}))
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#judgement")).to_contain_text(str(event["transaction_id"]))
    page.get_by_role("button", name="Send again").click()
    window.says("Sent again")
    until("the corrected transaction to be stored", lambda: chain.is_stored(event["transaction_id"]), 120)
    expect(page.locator("#resent")).to_contain_text("analyst")

    # Somebody else still has the page open as it was before: not the same text again, nor another one.
    second.watched.forgive("422 (Unprocessable")
    judgement = second.page.locator("#judgement")
    _check(second, event | {"currency": "EUR"})
    expect(judgement).to_contain_text("refused again")
    _check(second, event | {"currency": "EUR", "transaction_id": f"{event['transaction_id']}-2"})
    expect(judgement).to_contain_text("Keeps the contract")
    second.page.get_by_role("button", name="Send again").click()
    expect(judgement.locator(".bad")).to_contain_text("analyst")
    second.page.reload()
    expect(second.page.locator("#resent")).to_contain_text("analyst")
    expect(second.page.get_by_role("button", name="Send again")).to_have_count(0)
    assert not chain.is_stored(f"{event['transaction_id']}-2")


def _check(window: Desk, event: dict[str, Any]) -> None:
    window.page.get_by_label("The event as JSON").fill(json.dumps(event))
    window.page.get_by_role("button", name="Check").click()


def _link_to(window: Desk, event: dict[str, Any]) -> Locator:
    """The link of the record in the list, once it is there."""
    row = window.page.locator("tr", has_text=str(event["transaction_id"]))

    def look() -> bool:
        window.open("/dead-letters?reason=currency")
        return row.count() == 1

    until("the record among the dead letters", look, 90, every=2)
    return row.get_by_role("link").first
