"""The read-only pages and JSON API of the mailbox, and the way to the vendors' stand-ins.

==================================  ========================================================
``/?page=N``                        messages, newest first
``/message/KEY``                    one message: headers, text, and its HTML in a sandbox
``/message/KEY/html``               the HTML alone, under a policy that runs and loads nothing
``/message/KEY/raw``                the message as it came
``/api/messages?limit=&offset=``    ``{"messages": [...]}``, newest first, without contents
``/api/count``                      ``{"messages": n, "suppressed": n}``
``/vendors/...``                    what :mod:`include.local.mailbox.vendors` answers
==================================  ========================================================

What is shown was written by others. It is escaped, and HTML runs in an iframe without scripts, forms,
same origin or network. Requests under a foreign host name are refused, or a web page elsewhere could
read the mail by pointing its own name at this machine (DNS rebinding).
"""

from __future__ import annotations

import json
from functools import lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from include.local.mailbox.store import MailStore
from include.local.mailbox.vendors import Request, Vendors
from include.local.mailbox.view import MailView, view_of

PAGE_SIZE = 50
MAX_LIMIT = 1000
MAX_BYTES = 1_000_000

_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; frame-ancestors 'self'"
_MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


@lru_cache(maxsize=1)
def _pages() -> Environment:
    folder = Path(__file__).with_name("pages")
    return Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)


class MailPages(ThreadingHTTPServer):
    """The HTTP server; it listens on the loopback interface only.

    Parameters
    ----------
    port
        0 for any free one.
    store
        What is shown.
    vendors
        Who takes what is not mail.
    """

    daemon_threads = True

    def __init__(self, port: int, store: MailStore, vendors: Vendors) -> None:
        self.store, self.vendors = store, vendors
        super().__init__(("127.0.0.1", port), _Request)


class _Request(BaseHTTPRequestHandler):
    server: MailPages
    protocol_version = "HTTP/1.1"
    server_version = "Tidewatch-mailbox"
    sys_version = ""
    timeout = 30

    # http.server looks for methods of these names.
    def do_GET(self) -> None:
        if not self._is_meant():
            return
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        match url.path.strip("/").split("/"):
            case [""]:
                self._list(_whole(query, "page", 1, 1, 10**9))
            case ["message", key]:
                self._message(key)
            case ["message", key, ("html" | "raw") as form]:
                self._content(key, form)
            case ["api", "messages"]:
                limit = _whole(query, "limit", PAGE_SIZE, 1, MAX_LIMIT)
                offset = _whole(query, "offset", 0, 0, 10**9)
                self._json({"messages": [view.summary() for view in self._views(limit, offset)]})
            case ["api", "count"]:
                store = self.server.store
                self._json({"messages": store.count(), "suppressed": store.suppressed()})
            case ["vendors", vendor, *path]:
                self._vendor(vendor, path, b"")
            case _:
                self._not_found()

    def do_POST(self) -> None:
        match urlsplit(self.path).path.strip("/").split("/"):
            case ["vendors", vendor, *path]:
                if (body := self._body()) is not None and self._is_meant():
                    self._vendor(vendor, path, body)
            case _:
                self.send_error(HTTPStatus.NOT_IMPLEMENTED, "The pages are read-only")

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: the supervisor's log is for the pipeline."""

    def _is_meant(self) -> bool:
        if (urlsplit(f"//{self.headers.get('Host', '')}").hostname or "") in _HOSTS:
            return True
        self._answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", b"open it as http://127.0.0.1\n")
        return False

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BYTES:
            self.close_connection = True  # what follows is the body, not a request
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"Expected a length up to {MAX_BYTES}")
            return None
        return self.rfile.read(int(length))

    def _vendor(self, vendor: str, path: list[str], body: bytes) -> None:
        request = Request(
            method=self.command,
            path=tuple(path),
            query=dict(parse_qsl(urlsplit(self.path).query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )
        try:
            answer = self.server.vendors.answer(vendor, request)
        except (ValueError, TypeError, KeyError, AttributeError):  # fields of the wrong kind
            self._answer(HTTPStatus.BAD_REQUEST, "application/json", b'{"message": "not understood"}')
            return
        self._answer(HTTPStatus(answer.status), "application/json", json.dumps(answer.content).encode())

    def _views(self, limit: int, offset: int) -> list[MailView]:
        store = self.server.store
        return [view_of(mail, store.read(mail.key) or b"") for mail in store.newest(limit, offset)]

    def _list(self, page: int) -> None:
        store = self.server.store
        total = store.count()
        html = (
            _pages()
            .get_template("list.html.j2")
            .render(
                mails=self._views(PAGE_SIZE, (page - 1) * PAGE_SIZE),
                page=page,
                pages=max(1, -(-total // PAGE_SIZE)),
                total=total,
                suppressed=store.suppressed(),
            )
        )
        self._page(html)

    def _message(self, key: str) -> None:
        mail, content = self.server.store.find(key), self.server.store.read(key)
        if mail is None or content is None:
            self._not_found()
        else:
            self._page(_pages().get_template("message.html.j2").render(mail=view_of(mail, content)))

    def _content(self, key: str, form: str) -> None:
        mail, content = self.server.store.find(key), self.server.store.read(key)
        if mail is None or content is None:
            self._not_found()
        elif form == "raw":
            self._answer(HTTPStatus.OK, "text/plain; charset=utf-8", content)
        else:
            html = view_of(mail, content).html
            self._answer(HTTPStatus.OK, "text/html; charset=utf-8", html.encode(), _MAIL_POLICY)

    def _page(self, html: str) -> None:
        self._answer(HTTPStatus.OK, "text/html; charset=utf-8", html.encode())

    def _json(self, answer: object) -> None:
        self._answer(HTTPStatus.OK, "application/json", json.dumps(answer).encode())

    def _not_found(self) -> None:
        self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"not found; the messages are at /\n")

    def _answer(self, status: HTTPStatus, kind: str, body: bytes, policy: str = _PAGE_POLICY) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _whole(query: dict[str, list[str]], name: str, default: int, least: int, most: int) -> int:
    """A whole number out of a query, forced into its range; the default if it is none."""
    try:
        return min(max(int(query[name][0]), least), most)
    except (KeyError, ValueError):
        return default
