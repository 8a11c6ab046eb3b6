"""The system's Chromium, for looking at our own pages as a person would: nothing is downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from include.local.errors import NoBrowser

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
_STEP_MILLISECONDS = 60_000


def browser_path() -> str:
    """Where the browser is.

    Raises
    ------
    NoBrowser
        None of ``NAMES`` is on PATH; the message says how to get one.
    """
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise NoBrowser(
            f"expected {', '.join(NAMES[:-1])} or {NAMES[-1]} on PATH, found none; on Debian: apt-get install chromium"
        )
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser, ended with the block.

    Raises
    ------
    NoBrowser
        There is none on this machine, or nothing to steer it with.
    """
    path = browser_path()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as missing:
        raise NoBrowser("expected the package playwright, found none; run `make setup`") from missing
    # Chromium refuses to sandbox what root starts, and runs only our own pages here.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def sign_in(page: Page, address: str, user: str, password: str, then: str = "/") -> None:
    """Sign in through Airflow's own page; returns when the one after it is there.

    Parameters
    ----------
    address
        Of Airflow.
    then
        Path to be led to.
    """
    page.goto(f"{address}{then}")
    page.get_by_label("Username").fill(user, timeout=_STEP_MILLISECONDS)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{address}{then}", timeout=_STEP_MILLISECONDS)
