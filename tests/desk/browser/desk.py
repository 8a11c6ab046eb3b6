"""The desk in a browser window, and what its pages complain of."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import ConsoleMessage, Page, Response, expect

from tests.desk.conftest import PREFIX


class Watched:
    """Complaints of a page: errors and warnings of the console (violated policies among them), failed scripts, 5xx.

    Parameters
    ----------
    page
        Watched from now on.
    """

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        self._forgiven: tuple[str, ...] = ()
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(f"script of {page.url}: {error}"))
        page.on("response", self._answered)

    def forgive(self, *parts: str) -> None:
        """Let complaints be that have one of these texts in them."""
        self._forgiven += parts
        self.complaints = [one for one in self.complaints if not self._is_forgiven(one)]

    def _is_forgiven(self, complaint: str) -> bool:
        return any(part in complaint for part in self._forgiven)

    def _note(self, complaint: str) -> None:
        if not self._is_forgiven(complaint):
            self.complaints.append(complaint)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and PREFIX in message.location.get("url", ""):
            self._note(f"{message.type} of {message.location['url']}: {message.text}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500 and PREFIX in response.url:
            self._note(f"{response.status} of {response.request.method} {response.url}")


@dataclass
class Desk:
    """Somebody in front of the desk.

    Attributes
    ----------
    name
        Of the person; None for nobody.
    """

    page: Page
    airflow: str
    name: str | None
    watched: Watched = field(repr=False)

    def open(self, path: str) -> Response:
        """Open a page by its path below the desk's prefix."""
        response = self.page.goto(f"{self.airflow}{PREFIX}{path}")
        assert response is not None
        return response

    def alert(self, alert_id: uuid.UUID) -> None:
        """Open an alert's page."""
        self.open(f"/alerts/{alert_id}")
        expect(self.page.locator("#case")).to_be_visible()

    def look_again(self) -> None:
        """Have the page look at itself anew now, as it does every few seconds."""
        path = f"{PREFIX}/static/desk.js"
        assert self.page.evaluate(f"async () => (await import('{path}')).refresh()")

    def api(self, path: str) -> Any:
        """What the JSON API says to this person."""
        answer = self.page.request.get(f"{self.airflow}{PREFIX}/api{path}")
        assert answer.ok, f"{answer.status} of {path}: {answer.text()[:300]}"
        return answer.json()

    def says(self, words: str) -> None:
        """Wait until the desk says something."""
        expect(self.page.locator("#says")).to_contain_text(words)
