"""A server that speaks S3 (S3Proxy, in memory), and one before it that loses answers, for the tests of the lake."""

from __future__ import annotations

import http.client
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

from include.local.jars import fetch, s3_server_bundle
from include.local.java import SMALL_MACHINE, java
from include.local.ports import free_ports
from include.settings import HOST

_START_SECONDS = 120.0
_LOGGING = """<configuration>
<appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
<encoder><pattern>%d %p %m%n</pattern></encoder>
</appender>
<root level="WARN"><appender-ref ref="OUT"/></root>
</configuration>
"""


@dataclass(frozen=True)
class S3:
    """A server that runs, and how to reach it."""

    port: int
    process: subprocess.Popen[bytes]
    bucket: str = "bank-lake"
    identity: str = "tests"
    secret: str = "secret-of-the-tests"

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead there."""
        return {
            "AWS_ENDPOINT_URL_S3": f"http://{HOST}:{self.port}",
            "AWS_ACCESS_KEY_ID": self.identity,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": "eu-central-1",
        }

    def uri(self, root: str) -> str:
        """URI of a lake there."""
        return f"s3://{self.bucket}/{root}"

    def client(self) -> Any:
        """A client of its own, to look at what the lake does not show."""
        return get_session().create_client(
            "s3",
            endpoint_url=f"http://{HOST}:{self.port}",
            region_name="eu-central-1",
            aws_access_key_id=self.identity,
            aws_secret_access_key=self.secret,
            config=Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1}),
        )


@contextmanager
def running_s3(folder: Path, jars_dir: Path) -> Iterator[S3]:
    """Start one, with an empty bucket; it is ended at the end, and what it held with it."""
    bundle = s3_server_bundle()
    fetch(jars_dir, [bundle])
    (port,) = free_ports(1)
    values = {
        "s3proxy.endpoint": f"http://{HOST}:{port}",
        "s3proxy.authorization": "aws-v4",
        "s3proxy.identity": S3.identity,
        "s3proxy.credential": S3.secret,
        "jclouds.provider": "transient-nio2",
        "jclouds.identity": "none",
        "jclouds.credential": "none",
    }
    (folder / "s3proxy.properties").write_text("".join(f"{key}={value}\n" for key, value in values.items()))
    (folder / "logback.xml").write_text(_LOGGING)
    command = [
        str(java()), "-Xmx256M", *SMALL_MACHINE, f"-Dlogback.configurationFile={folder}/logback.xml",
        "-cp", f"{jars_dir}/{bundle.name}/*", "org.gaul.s3proxy.Main",
        "--properties", f"{folder}/s3proxy.properties",
    ]  # fmt: skip
    with (folder / "s3.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        found = S3(port, process)
        _wait_until_writable(found)
        yield found
    finally:
        process.kill()
        process.wait(30)


def _wait_until_writable(s3: S3) -> None:
    end, client = time.monotonic() + _START_SECONDS, s3.client()
    where = {"LocationConstraint": "eu-central-1"}
    while True:
        try:
            client.create_bucket(Bucket=s3.bucket, CreateBucketConfiguration=where)
            return
        except (BotoCoreError, ClientError):
            pass
        assert s3.process.poll() is None, "the S3 server has ended; see its log"
        assert time.monotonic() < end, f"waited {_START_SECONDS:.0f} s for the S3 server to make a bucket"
        time.sleep(0.5)


@dataclass
class Between:
    """Stands before the server and does to the next writes, one after the other, what it is told.

    Attributes
    ----------
    port
        Where it listens.
    next_writes
        ``lose``: the server gets it, the client no answer. ``conflict``: the client is told to try again (409), the
        server gets nothing. Writes beyond these, and all reads, pass.
    """

    port: int
    next_writes: list[str] = field(default_factory=list)


@contextmanager
def standing_between(s3: S3) -> Iterator[Between]:
    """Start one."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            told = between.next_writes.pop(0) if self.command == "PUT" and between.next_writes else ""
            del self.headers["Expect"]  # to whom that was said has answered already
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if told == "conflict":
                self._answer(409, [], b"<Error><Code>ConditionalRequestConflict</Code></Error>")
                return
            connection = http.client.HTTPConnection(HOST, s3.port, timeout=20)
            try:
                connection.request(self.command, self.path, body, dict(self.headers))
                answer = connection.getresponse()
                content = answer.read()
                if told == "lose":
                    self.close_connection = True
                    return
                self._answer(answer.status, answer.getheaders(), content)
            finally:
                connection.close()

        def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header(
                "Content-Length", str(len(content))
            )  # what is asked for by HEAD has a size nobody reads
            self.end_headers()
            self.wfile.write(content)

        do_PUT: Callable[[], None] = _pass_on  # noqa: N815 - http.server's names
        do_HEAD: Callable[[], None] = _pass_on  # noqa: N815
        do_GET: Callable[[], None] = _pass_on  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.daemon_threads = True
    between = Between(server.server_address[1])
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield between
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
