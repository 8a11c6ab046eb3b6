"""The examination itself: it finds what has been planted, and nothing where nothing is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.desk.browser.examining import contrast, structure, unreached_by_tab, wider_than_the_window

_HEAD = "<!doctype html><html lang=en><title>Planted</title>"
_GOOD = f"""{_HEAD}<body style="background:#fff;color:#222"><main><h1>Good</h1>
<label>Amount<input></label> <a href="#x">Link</a> <button>Do</button></main>"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A narrow window."""
    page = browser.new_page(viewport={"width": 390, "height": 600})
    yield page
    page.close()


def test_nothing_where_nothing_is(page: Page) -> None:
    page.set_content(_GOOD)
    assert structure(page) == contrast(page) == wider_than_the_window(page) == []
    assert unreached_by_tab(page) == ([], [])


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        ("<input>", "no label"),
        ("<select><option>word</option></select>", "no label"),
        ("<button><svg></svg></button>", "no name"),
        ("<img src=data:,>", "no text"),
        ("<h1>Second</h1>", "h1"),
        ("<h4>Too deep</h4>", "level"),
        ("<p id=a></p><p id=a></p>", "id twice"),
    ],
)
def test_structure(page: Page, planted: str, told: str) -> None:
    page.set_content(_GOOD.replace("</main>", f"{planted}</main>"))
    (found,) = structure(page)
    assert told in found


@pytest.mark.parametrize(
    "style", ["color:#999", "color:#222;opacity:0.4", "color:oklch(0.7 0.1 250)", "background:#444"]
)
def test_contrast(page: Page, style: str) -> None:
    page.set_content(_GOOD.replace("</main>", f'<p style="{style}">Hardly read</p></main>'))
    (found,) = contrast(page)
    assert "Hardly read" in found


def test_width(page: Page) -> None:
    page.set_content(_GOOD.replace("</main>", "<p style='width:500px'>Wide</p></main>"))
    (found,) = wider_than_the_window(page)
    assert "Wide" in found


def test_tab(page: Page) -> None:
    unseen = "<a href='#y' style='outline:none'>Unseen</a>"
    page.set_content(_GOOD.replace("</main>", f"{unseen}</main>"))
    assert unreached_by_tab(page) == ([], ["a #y"])
    trap = "<input id=trap onkeydown='event.key == `Tab` && event.preventDefault()'><a href='#z'>After</a>"
    page.set_content(_GOOD.replace("</main>", f"{trap}</main>"))
    assert unreached_by_tab(page)[0] == ["a #z"]
