"""``make screenshots``: pictures of the fraud desk for the README, of the running stack as its analyst sees it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from include.local.airflow_environment import address
from include.local.browser import chromium, sign_in
from include.local.errors import LocalStackError, ServiceFailed
from include.local.secrets import load_secrets
from include.local.services import all_services
from include.settings import PROJECT, Settings, SettingsRefused, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FOLDER = PROJECT / "docs" / "images"
MOST_BYTES = 200_000
_WAIT_MILLISECONDS = 30_000


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture.

    Attributes
    ----------
    page
        ``overview``, ``queue``, or ``alert`` for the most urgent one.
    width, height
        Of the window, in CSS pixels; what is below it is not in the picture.
    """

    name: str
    page: Literal["overview", "queue", "alert"]
    scheme: Literal["light", "dark"] = "light"
    width: int = 1280
    height: int = 720


PICTURES = (
    Picture("desk-overview", "overview", height=600),
    Picture("desk-queue", "queue"),
    Picture("desk-queue-dark", "queue", "dark"),
    Picture("desk-alert", "alert", height=800),
    Picture("desk-alert-phone", "alert", width=390, height=844),
)


def take(now: Settings, folder: Path) -> list[Path]:
    """Take all pictures; returns their files.

    Raises
    ------
    NoBrowser
        There is none on this machine.
    ServiceFailed
        No stack runs, it has no alert yet, or a page did not come.
    """
    if not all_services(now)["api-server"].is_up():
        raise ServiceFailed(
            f"expected Airflow at {address(now)}, it does not answer; run `make demo` first (or `make up`)"
        )
    folder.mkdir(parents=True, exist_ok=True)
    from playwright.sync_api import Error

    with chromium() as browser:
        try:
            signed_in = browser.new_page()
            sign_in(signed_in, address(now), "analyst", load_secrets(now.stack_dir).analyst)
            session = signed_in.context.storage_state()
            return [_take(browser, session, address(now), picture, folder) for picture in PICTURES]
        except Error as error:
            raise ServiceFailed(
                f"expected the desk's pages at {address(now)}, got: {error.message}; see `make status`"
            ) from error


def _take(browser: Browser, session: object, airflow: str, picture: Picture, folder: Path) -> Path:
    page = browser.new_page(
        storage_state=session,  # type: ignore[arg-type]  # as it came from the context before
        color_scheme=picture.scheme,
        viewport={"width": picture.width, "height": picture.height},
    )
    page.set_default_timeout(_WAIT_MILLISECONDS)
    _open(page, f"{airflow}/fraud-desk", picture.page)
    path = folder / f"{picture.name}.png"
    page.screenshot(path=path, animations="disabled")
    page.context.close()
    if (size := path.stat().st_size) > MOST_BYTES:
        raise ServiceFailed(
            f"expected pictures of at most {MOST_BYTES:,} bytes, {path.name} has {size:,}; make it smaller"
        )
    return path


def _open(page: Page, desk: str, name: str) -> None:
    if name == "overview":
        page.goto(f"{desk}/")
        page.get_by_role("heading", name="Overview").wait_for()
        return
    page.goto(f"{desk}/queue")
    page.get_by_role("heading", name="Queue").wait_for()
    first = page.locator("a.open").first
    if first.count() == 0:
        raise ServiceFailed("expected an alert in the queue, it is empty; run `make demo` first")
    if name == "alert":
        first.click()
        page.locator("#case").wait_for()
    page.wait_for_load_state()


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m include.local.screenshots", description=__doc__)
    parser.add_argument("--into", type=Path, default=FOLDER, help="default: docs/images")
    options = parser.parse_args(arguments)
    try:
        for path in take(settings(), options.into):
            print(f"{path}  {path.stat().st_size:,} bytes")
    except (LocalStackError, SettingsRefused) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
