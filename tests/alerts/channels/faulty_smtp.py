"""A mail server that misbehaves as it is told to."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

#: Instead of a reply: cut the connection, or say nothing.
DROP, SILENCE = "drop", "silence"

_USUAL = {
    "EHLO": "250 OK",
    "MAIL": "250 OK",
    "RCPT": "250 OK",
    "DATA": "354 go on",
    ".": "250 2.0.0 taken as 42",
}


@dataclass
class FaultySmtp:
    """``replies`` maps a verb (``.`` is the end of the content) to its replies, the last one repeated."""

    replies: dict[str, list[str]] = field(default_factory=dict)
    port: int = 0
    connections: int = 0
    verbs: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)  # contents read to the end, answered or not

    def reply(self, verb: str) -> str:
        self.verbs.append(verb)
        script = self.replies.get(verb)
        if not script:
            return _USUAL.get(verb, "250 OK")
        return script.pop(0) if len(script) > 1 else script[0]


@contextmanager
def faulty_smtp(**replies: list[str]) -> Iterator[FaultySmtp]:
    """Run a faulty server; ``end`` stands for the end of the content."""
    plan = FaultySmtp({{"end": "."}.get(verb, verb): list(script) for verb, script in replies.items()})

    class Conversation(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            plan.connections += 1
            self.wfile.write(b"220 faulty\r\n")
            while line := self.rfile.readline():
                if not self._answer(line.split()[0].decode().upper()):
                    return

        def _answer(self, verb: str) -> bool:
            reply = plan.reply(verb)
            if reply == DROP:
                return False
            if reply == SILENCE:
                time.sleep(0.6)
                return False
            self.wfile.write(f"{reply}\r\n".encode())
            if verb == "DATA" and reply.startswith("354"):
                content = b""
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    content += line
                plan.taken.append(content.decode())
                return self._answer(".")
            return verb != "QUIT"

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Conversation) as server:
        plan.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield plan
        server.shutdown()
        thread.join()
