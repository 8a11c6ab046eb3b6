"""What others have written is shown as text, wherever it is shown."""

from __future__ import annotations

import uuid

import pytest
from playwright.sync_api import Page, expect

from include.alerts.alert import Alert
from tests.desk.browser.chain import Chain
from tests.desk.browser.conftest import OpenDesk

COMMENT = "<script>document.title='run'</script><img src=x onerror=\"document.title='run'\">{{ 7 * 7 }}"
_ACCOUNT, _SHOP = "<img src=x onerror=x()>{}", "</td><script>x()</script>{}"


@pytest.fixture(scope="module")
def nasty(chain: Chain) -> Alert:
    """An alert whose every free text is HTML."""
    mark = uuid.uuid4().hex[:6]
    account = _ACCOUNT.format(mark)
    chain.give_past(account)
    return chain.alert_of(
        chain.rob(account, counterparty_id=_SHOP.format(mark), transaction_id=f"<b>'\"&amp;{mark}")
    )


def test_html_is_text_on_every_page(desk: OpenDesk, nasty: Alert) -> None:
    window = desk("analyst")
    page = window.page
    window.alert(nasty.alert_id)
    page.get_by_role("button", name="Comment").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Comment").fill(COMMENT)
    dialog.get_by_role("button", name="Add comment").click()
    window.says("commented")
    expect(page.locator("#history blockquote")).to_have_text(COMMENT)
    expect(page.locator("main")).to_contain_text(nasty.transaction_id)
    _is_text(page)
    links = [
        page.locator("dl.facts").get_by_role("link", name=name).get_attribute("href")
        for name in (nasty.account_id, nasty.counterparty_id)
    ]
    for link, name in zip(links, (nasty.account_id, nasty.counterparty_id), strict=True):
        page.goto(f"{window.airflow}{link}")
        expect(page.get_by_role("heading", level=1)).to_contain_text(name)
        _is_text(page)
    window.open("/queue?list=ALL&sort=newest")
    expect(page.locator(f"#row-{nasty.alert_id}")).to_contain_text(nasty.account_id)
    expect(page.locator(f"#row-{nasty.alert_id}")).to_contain_text(nasty.counterparty_id)
    _is_text(page)
    page.get_by_role("searchbox").fill(nasty.account_id)
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text(nasty.account_id)
    _is_text(page)


def _is_text(page: Page) -> None:
    """Nothing of it has become an element or has run."""
    assert page.locator("main img, main script, main b, [onerror]").count() == 0
    assert "run" not in page.title().split()
