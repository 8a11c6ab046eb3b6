"""Every page for people who use a keyboard, a screen reader, a phone, or the dark."""

from __future__ import annotations

import json

import pytest

from tests.desk.browser.chain import PHONE, Chain, payment
from tests.desk.browser.conftest import OpenDesk
from tests.desk.browser.desk import Desk
from tests.desk.browser.examining import contrast, structure, unreached_by_tab, wider_than_the_window
from tests.desk.browser.waiting import until

PHONE_SCREEN = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


@pytest.fixture(scope="module")
def paths() -> dict[str, str]:
    """Pages by name; filled by the first test that asks."""
    return {}


def _paths(window: Desk, chain: Chain, known: dict[str, str]) -> dict[str, str]:
    """A page of every kind, with something on it."""
    if known:
        return known
    rows = window.api("/queue?list=ALL")["rows"]
    row = next((one for one in rows if one["repeats"]), rows[0])
    chain.send(payment("BROWSER-LOOK", country="??"))
    window.open("/dead-letters")
    letters = window.page.locator("main td a.mono")
    until("a dead letter", lambda: window.open("/dead-letters") and letters.count() > 0, 90, every=2)
    window.open("/rules")
    rule = window.page.locator("main td a").first.get_attribute("href")
    assert rule is not None
    known |= {
        "overview": "/",
        "queue": "/queue?list=ALL",
        "empty queue": "/queue?account=NOBODY",
        "alert": f"/alerts/{row['alert_id']}",
        "account": f"/accounts/{row['account_id']}",
        "counterparty": f"/counterparties/{row['counterparty_id']}",
        "search": f"/search?q={row['account_id']}",
        "suppressions": "/suppressions",
        "dead letters": "/dead-letters",
        "rules": "/rules",
        "rule": rule.partition("/fraud-desk")[2],
        "models": "/models",
        "deliveries": "/deliveries",
        "reports": "/reports",
        "nothing": "/no-such-page",
    }
    window.open("/dead-letters")
    letter = letters.first.get_attribute("href")
    assert letter is not None
    known["dead letter"] = letter.partition("/fraud-desk")[2]
    return known


def _each(window: Desk, chain: Chain, known: dict[str, str]) -> dict[str, str]:
    window.watched.forgive("404 (Not Found)")
    return _paths(window, chain, known)


def test_structure(desk: OpenDesk, chain: Chain, paths: dict[str, str]) -> None:
    window, wrong = desk("approver"), {}
    for name, path in _each(window, chain, paths).items():
        window.open(path)
        if found := structure(window.page):
            wrong[name] = found
    assert wrong == {}, json.dumps(wrong, indent=1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(desk: OpenDesk, chain: Chain, paths: dict[str, str], scheme: str) -> None:
    window, wrong = desk("approver", color_scheme=scheme), {}
    for name, path in _each(window, chain, paths).items():
        window.open(path)
        assert window.page.locator("html").get_attribute("data-theme") == scheme
        if found := contrast(window.page):
            wrong[name] = found
    assert wrong == {}, json.dumps(wrong, indent=1, ensure_ascii=False)


def test_the_tab_key_comes_everywhere(desk: OpenDesk, chain: Chain, paths: dict[str, str]) -> None:
    window, wrong = desk("approver"), {}
    for name, path in _each(window, chain, paths).items():
        window.open(path)
        # Parts that are exchanged meanwhile would be counted as not reached.
        window.page.evaluate("() => { window.fetch = () => new Promise(() => {}); }")
        unreached, unseen = unreached_by_tab(window.page)
        if unreached or unseen:
            wrong[name] = {"not reached": unreached, "focus not seen": unseen}
    assert wrong == {}, json.dumps(wrong, indent=1, ensure_ascii=False)


def test_a_phone_scrolls_one_way(desk: OpenDesk, chain: Chain, paths: dict[str, str]) -> None:
    window, wrong = desk("approver", **PHONE_SCREEN), {}
    for name, path in _each(window, chain, paths).items():
        window.open(path)
        if found := wider_than_the_window(window.page):
            wrong[name] = found
    assert wrong == {}, json.dumps(wrong, indent=1, ensure_ascii=False)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_customers_page(desk: OpenDesk, chain: Chain, scheme: str) -> None:
    from tests.desk.browser.test_customer_answer import links

    account = chain.open_accounts("reader")["reader"]
    alert = chain.alert_of(chain.rob(account))
    token = until("the message", lambda: links(chain, PHONE, alert.alert_id.hex[:8]), 60)
    window, wrong = desk(None, color_scheme=scheme, **PHONE_SCREEN), {}
    window.watched.forgive("403 (Forbidden)")
    for name, path in {"question": f"/answer/{token}", "refused": "/answer/forged"}.items():
        window.open(path)
        found = [*structure(window.page), *contrast(window.page), *wider_than_the_window(window.page)]
        unreached, unseen = unreached_by_tab(window.page)
        if found or unreached or unseen:
            wrong[name] = [*found, *unreached, *unseen]
    assert wrong == {}, json.dumps(wrong, indent=1, ensure_ascii=False)
