"""What a page is examined for: names of its fields, its structure, contrast, and the way of the Tab key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

_SCRIPT = Path(__file__).with_name("examining.js").read_text()
#: More stops than any page has.
_MOST_STOPS = 600


def structure(page: Page) -> list[str]:
    """What is missing or doubled: headings, landmarks, names of fields, buttons, links and pictures, ids."""
    return list(page.evaluate(f"() => {{ {_SCRIPT} return structure(); }}"))


def contrast(page: Page, least: float = 4.5) -> list[str]:
    """Texts that stand out too little from what is behind them (WCAG 2.2, 1.4.3, the small text's ratio for all)."""
    return list(page.evaluate(f"(least) => {{ {_SCRIPT} return contrast(least); }}", least))


def wider_than_the_window(page: Page) -> list[str]:
    """Elements that make the whole page scroll sideways."""
    return list(page.evaluate(f"() => {{ {_SCRIPT} return tooWide(); }}"))


def unreached_by_tab(page: Page) -> tuple[list[str], list[str]]:
    """Elements the Tab key does not come to, and those whose focus cannot be seen."""
    wanted = set(page.evaluate(f"() => {{ {_SCRIPT} return stops(); }}"))
    page.evaluate("document.activeElement?.blur()")
    reached: set[str] = set()
    visible: set[str] = set()
    for _ in range(_MOST_STOPS):
        page.keyboard.press("Tab")
        at: dict[str, Any] | None = page.evaluate(f"() => {{ {_SCRIPT} return focused(); }}")
        if at is None:
            break
        reached.add(at["mark"])
        if at["visible"]:
            visible.add(at["mark"])  # the parts of a date field are one element with several stops
    return sorted(wanted - reached), sorted(reached - visible)
