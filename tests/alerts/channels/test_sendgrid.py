import json
import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from include.alerts.channels.sendgrid import SendGridChannel
from include.alerts.errors import ChannelUnavailable, DeliveryFailure, PermanentFailure, TemporaryFailure
from tests.alerts.examples import message

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SLOW, CUT_OFF = "slow", "cut off"


class Vendor(ThreadingHTTPServer):
    """Speaks SendGrid's v3 API: checks the request as it does, then answers as it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Call)
        self.status = 202
        self.headers: dict[str, str] = {}
        self.fault: str | None = None
        self.calls: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Call(BaseHTTPRequestHandler):
    server: Vendor

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        vendor = self.server
        assert self.path == "/v3/mail/send"
        vendor.calls.append(body)
        fault = vendor.fault
        if fault == SLOW:
            time.sleep(0.6)
        if fault is not None:
            return
        status = vendor.status if self.headers["Authorization"] == "Bearer key" else 401
        self.send_response(status)
        for name, value in vendor.headers.items():
            self.send_header(name, value)
        if status == 202:
            self.send_header("X-Message-Id", "sg-1")
        content = b"" if status == 202 else b'{"errors": [{"message": "as told", "field": null}]}'
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Vendor() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _channel(vendor: Vendor, key: str = "key") -> SendGridChannel:
    return SendGridChannel(
        key, "Tidewatch <alerts@example.com>", host=vendor.url, timeout_seconds=0.3, clock=lambda: NOW
    )


def _failure(vendor: Vendor, key: str = "key") -> DeliveryFailure:
    with pytest.raises(DeliveryFailure) as caught:
        _channel(vendor, key).send(message())
    return caught.value


def test_202_is_taken_over(vendor: Vendor) -> None:
    sent = message(recipient="customer+C-77@example.com", audience="customer", language="de")
    assert _channel(vendor).send(sent) == "sg-1"
    (call,) = vendor.calls
    assert call["from"] == {"email": "alerts@example.com", "name": "Tidewatch"}
    assert call["personalizations"][0]["to"] == [{"email": "customer+C-77@example.com"}]
    assert call["subject"] == sent.subject
    assert call["content"] == [
        {"type": "text/plain", "value": sent.text},
        {"type": "text/html", "value": sent.html},
    ]
    assert call["headers"]["Message-ID"] == sent.message_id
    assert call["custom_args"]["delivery_id"] == str(sent.delivery_id)


def test_every_try_says_the_same(vendor: Vendor) -> None:
    channel = _channel(vendor)
    channel.send(message())
    channel.send(message())
    assert vendor.calls[0] == vendor.calls[1]


@pytest.mark.parametrize("status", [400, 413])
def test_a_refused_message_is_refused_for_good(vendor: Vendor, status: int) -> None:
    vendor.status = status
    failure = _failure(vendor)
    assert isinstance(failure, PermanentFailure)
    assert "as told" in str(failure)


def test_a_refused_key_is_no_fault_of_the_message(vendor: Vendor) -> None:
    failure = _failure(vendor, key="wrong")
    assert isinstance(failure, ChannelUnavailable)
    assert "401" in str(failure)
    assert "check the API key" in str(failure)
    assert "wrong" not in str(failure)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("17", 17.0),
        ("Sun, 01 Mar 2026 12:01:30 GMT", 90.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("soon", None),
    ],
)
def test_too_fast_waits_as_long_as_asked(vendor: Vendor, retry_after: str, seconds: float | None) -> None:
    vendor.status, vendor.headers = 429, {"Retry-After": retry_after}
    failure = _failure(vendor)
    assert isinstance(failure, ChannelUnavailable)
    assert failure.retry_after == seconds


@pytest.mark.parametrize("status", [500, 502, 503])
def test_5xx_is_temporary(vendor: Vendor, status: int) -> None:
    vendor.status, vendor.headers = status, {"Retry-After": "5"}
    failure = _failure(vendor)
    assert isinstance(failure, TemporaryFailure)
    assert not isinstance(failure, ChannelUnavailable)
    assert failure.retry_after == 5


@pytest.mark.parametrize("fault", [SLOW, CUT_OFF])
def test_no_answer_is_temporary_as_it_may_have_been_taken(vendor: Vendor, fault: str) -> None:
    vendor.fault = fault
    failure = _failure(vendor)
    assert isinstance(failure, TemporaryFailure)
    assert not isinstance(failure, ChannelUnavailable)
    assert f"to be tried again as {message().message_id}" in str(failure)
    vendor.fault = None
    _channel(vendor).send(message())
    assert vendor.calls[0] == vendor.calls[1]


def test_a_vendor_that_is_not_there_is_out_of_order(vendor: Vendor) -> None:
    vendor.shutdown()
    vendor.server_close()
    assert isinstance(_failure(vendor), ChannelUnavailable)


def test_the_log_holds_neither_key_nor_mail(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        _channel(vendor).send(message())
    assert "Bearer" not in caplog.text
    assert "fraud-desk@example.com" not in caplog.text


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match="expected a SendGrid API key"):
        SendGridChannel("", "alerts@example.com")
