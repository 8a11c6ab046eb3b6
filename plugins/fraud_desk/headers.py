"""Headers of every answer, and what of an address the access log may keep."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

from include.alerts.masking import mask_account

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
        "base-uri 'none'",
    )
)

#: What every answer has, unless its route has set another.
ALWAYS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}

_NUMBERS = re.compile(r"(/(?:accounts|counterparties)/)(.+)")
_LINK = re.compile(r"(/answer/)[^/]+")


class GuardedAnswers:
    """Adds the headers a route has not set itself, and keeps numbers and links out of the access log.

    Airflow logs path and query of a request once it is answered, out of the very dictionary that came down to
    here; so what nobody may read in a log is masked there after the answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and see to headers and log."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in ALWAYS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, with_headers)
        finally:
            scope["path"] = loggable(scope["path"])
            scope["query_string"] = b""


def loggable(path: str) -> str:
    """A path as it may stand in a log: account numbers masked, customers' links left out."""
    masked = _NUMBERS.sub(lambda found: found.group(1) + mask_account(found.group(2)), path)
    return _LINK.sub(r"\1***", masked)
