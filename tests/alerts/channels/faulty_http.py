"""A vendor on HTTP that answers as it is told to: as it would itself, with an error, late, or not at all."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from include.local.mailbox.vendors import Answer, Request

#: A channel under test gives up after this, a fault lasts twice as long.
PATIENCE = 0.3


class Fault(StrEnum):
    """What goes wrong with one exchange; ``TAKEN``: after the vendor has done as asked."""

    CUT_OFF = "cut off"
    SILENT = "silent"
    TAKEN_CUT_OFF = "taken, cut off"
    TAKEN_SILENT = "taken, silent"
    TAKEN_HALF_ANSWERED = "taken, half answered"


@dataclass(frozen=True)
class Refusal:
    """An answer in the vendor's place."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b'{"message": "as told"}'


class FaultyVendor(ThreadingHTTPServer):
    """``script`` holds what happens to the next requests, None for the usual; after it everything is usual."""

    daemon_threads = True

    def __init__(self, usual: Callable[[Request], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.usual = usual
        self.script: list[Fault | Refusal | None] = []
        self.requests: list[Request] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Exchange(BaseHTTPRequestHandler):
    server: FaultyVendor

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=tuple(url.path.strip("/").split("/")),
            query=dict(parse_qsl(url.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )
        self.server.requests.append(request)
        fault = self.server.script.pop(0) if self.server.script else None
        if isinstance(fault, Refusal):
            self._send(fault.status, fault.headers, fault.body)
        elif fault is None:
            answer = self.server.usual(request)
            self._send(answer.status, {}, json.dumps(answer.content).encode())
        else:
            self._fail(fault, request)

    def do_GET(self) -> None:
        self.do_POST()

    def _fail(self, fault: Fault, request: Request) -> None:
        if fault in (Fault.TAKEN_CUT_OFF, Fault.TAKEN_SILENT, Fault.TAKEN_HALF_ANSWERED):
            self.server.usual(request)
        if fault == Fault.TAKEN_HALF_ANSWERED:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"ok": tr')
            self.wfile.flush()
        if fault not in (Fault.CUT_OFF, Fault.TAKEN_CUT_OFF):
            time.sleep(2 * PATIENCE)
        self.close_connection = True

    def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        if status == 202:
            self.send_header("X-Message-Id", "sg-1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def faulty_vendor(usual: Callable[[Request], Answer]) -> Iterator[FaultyVendor]:
    with FaultyVendor(usual) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
