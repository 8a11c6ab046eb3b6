import http.client
import json
import os
import signal
import smtplib
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from include.local.certificates import Certificates
from include.local.mailbox import Mailbox, MailStore
from include.local.mailbox.smtp import Login
from include.local.mailbox.web import PAGE_SIZE

PROJECT = Path(__file__).parents[2]


def _mail(number: int, *, subject: str = "s", body: str = "hello") -> bytes:
    return (
        f"From: a@example.com\r\nTo: b@example.com\r\nSubject: {subject} {number}\r\n"
        f"Message-ID: <{number}@example.com>\r\n\r\n{body}\r\n"
    ).encode()


HOSTILE = (
    b"From: a@example.com\r\nTo: <script>alert(1)</script>\r\nSubject: </title><script>alert(2)</script>\r\n"
    b'Message-ID: <h@example.com>\r\nContent-Type: text/html; charset="utf-8"\r\n\r\n'
    b"<script>alert(3)</script><b>bold</b>\r\n"
)


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Mailbox]:
    with Mailbox(tmp_path / "mail") as running:
        yield running


def _send(mailbox: Mailbox, *mails: bytes) -> list[bytes]:
    replies = []
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port, local_hostname="localhost", timeout=10) as smtp:
        smtp.ehlo()
        for mail in mails:
            smtp.mail("a@example.com")
            smtp.rcpt("b@example.com")
            replies.append(smtp.data(mail)[1])
    return replies


def _get(mailbox: Mailbox, path: str, **headers: str) -> tuple[int, str, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", mailbox.http_port, timeout=10)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, body, response.headers


def _json(mailbox: Mailbox, path: str) -> Any:
    return json.loads(_get(mailbox, path)[1])


def test_a_second_copy_is_acknowledged_dropped_and_counted(mailbox: Mailbox) -> None:
    replies = _send(mailbox, _mail(1), _mail(2), _mail(1), _mail(1, body="not the same text"))
    assert replies == [b"2.0.0 stored", b"2.0.0 stored", *[b"2.0.0 duplicate dropped"] * 2]
    assert _json(mailbox, "/api/count") == {"messages": 2, "suppressed": 2}


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    with Mailbox(tmp_path) as first:
        _send(first, _mail(1), _mail(2), _mail(2))
        before = _json(first, "/api/messages")
    (tmp_path / "tmp" / "half-written").write_bytes(b"From: a")
    with Mailbox(tmp_path) as second:
        assert _send(second, _mail(1)) == [b"2.0.0 duplicate dropped"]
        assert _json(second, "/api/count") == {"messages": 2, "suppressed": 2}
        assert _json(second, "/api/messages") == before
    assert not list((tmp_path / "tmp").iterdir())


def test_messages_without_an_id_are_all_kept(mailbox: Mailbox) -> None:
    _send(mailbox, b"Subject: x\r\n\r\nsame\r\n", b"Subject: x\r\n\r\nsame\r\n")
    assert mailbox.store.count() == 2


def test_a_folded_id_is_the_same_id(tmp_path: Path) -> None:
    store = MailStore(tmp_path)
    assert store.deliver(b"Message-ID: <1@example.com>\r\n\r\nx")
    assert not store.deliver(b"message-id:\r\n <1@example.com>\r\n\r\nx")


def test_of_many_copies_at_once_one_is_kept(tmp_path: Path) -> None:
    store = MailStore(tmp_path)
    stored: list[bool] = []
    threads = [threading.Thread(target=lambda: stored.append(store.deliver(_mail(7)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(stored) == [False] * 7 + [True]
    assert (store.count(), store.suppressed()) == (1, 7)


def test_a_full_disk_is_a_temporary_refusal(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(content: bytes) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mailbox.store, "deliver", full)
    assert _send(mailbox, _mail(1)) == [b"4.3.0 could not be stored, try again"]


def test_messages_come_newest_first_and_in_pages(mailbox: Mailbox) -> None:
    for number in range(PAGE_SIZE + 3):
        mailbox.store.deliver(_mail(number, subject="number"))
    subjects = [m["subject"] for m in _json(mailbox, "/api/messages?limit=2")["messages"]]
    assert subjects == [f"number {PAGE_SIZE + 2}", f"number {PAGE_SIZE + 1}"]
    assert _json(mailbox, "/api/messages?limit=2&offset=1")["messages"][0]["subject"] == subjects[1]
    assert len(_json(mailbox, "/api/messages?limit=nonsense")["messages"]) == PAGE_SIZE
    first, second = _get(mailbox, "/")[1], _get(mailbox, "/?page=2")[1]
    assert first.count('<td class="time">') == PAGE_SIZE
    assert second.count('<td class="time">') == 3
    assert "Page 2 of 2" in second
    assert _get(mailbox, "/?page=99")[0] == 200


def test_the_api_tells_what_a_measurement_needs(mailbox: Mailbox) -> None:
    _send(mailbox, b"X-Tidewatch-Alert: a-1\r\nX-Tidewatch-Delivery: d-1\r\n" + _mail(1))
    (found,) = _json(mailbox, "/api/messages")["messages"]
    assert found["alert_id"] == "a-1"
    assert found["delivery_id"] == "d-1"
    assert found["message_id"] == "<1@example.com>"
    assert found["recipient"] == "b@example.com"
    assert found["received_at"].endswith("Z")


def test_a_message_can_be_read(mailbox: Mailbox) -> None:
    _send(mailbox, _mail(1, body="the text of it"))
    key = mailbox.store.newest(1)[0].key
    assert "the text of it" in _get(mailbox, f"/message/{key}")[1]
    assert _get(mailbox, f"/message/{key}/raw")[1].startswith("From: a@example.com")


def test_a_hostile_message_runs_nowhere(mailbox: Mailbox) -> None:
    _send(mailbox, HOSTILE)
    key = mailbox.store.newest(1)[0].key
    for path in ("/", f"/message/{key}"):
        _, page, headers = _get(mailbox, path)
        assert "<script" not in page
        assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert '<iframe sandbox title="HTML part"' in _get(mailbox, f"/message/{key}")[1]
    _, html, headers = _get(mailbox, f"/message/{key}/html")
    assert "<b>bold</b>" in html
    assert headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    _, _, raw = _get(mailbox, f"/message/{key}/raw")
    assert raw["Content-Type"].startswith("text/plain")
    assert raw["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    ["/message/" + "0" * 32, "/message/..%2f..%2fetc%2fpasswd", "/message/../suppressed", "/nothing", "/api"],
)
def test_what_is_not_a_message_is_not_found(mailbox: Mailbox, path: str) -> None:
    assert _get(mailbox, path)[0] == 404


def test_a_foreign_host_name_is_refused(mailbox: Mailbox) -> None:
    assert _get(mailbox, "/api/messages", Host="evil.example.com")[0] == 421
    assert _get(mailbox, "/api/messages", Host="localhost:8025")[0] == 200


def test_it_is_read_only(mailbox: Mailbox) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", mailbox.http_port, timeout=10)
    connection.request("POST", "/api/messages", body=b"{}")
    assert connection.getresponse().status == 501
    connection.close()


def test_a_port_that_is_taken_is_an_error(tmp_path: Path, mailbox: Mailbox) -> None:
    with pytest.raises(OSError, match="in use"):
        Mailbox(tmp_path / "other", smtp_port=mailbox.smtp_port)


def _start(directory: Path) -> tuple[subprocess.Popen[str], int]:
    command = [sys.executable, "-m", "include.local.mailbox", "--smtp-port", "0", "--http-port", "0"]
    process = subprocess.Popen(
        [*command, "--directory", str(directory)],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    return process, int(line.split("127.0.0.1:")[1].split(",")[0])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_what_was_acknowledged_survives_the_end_of_the_process(
    tmp_path: Path, number: int, code: int
) -> None:
    process, port = _start(tmp_path)
    try:
        with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost", timeout=10) as smtp:
            smtp.sendmail("a@example.com", ["b@example.com"], _mail(1))
            process.send_signal(number)
            assert process.wait(timeout=10) == code
    except smtplib.SMTPServerDisconnected:
        pass  # the goodbye found nobody
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    store = MailStore(tmp_path)
    assert store.count() == 1
    assert not store.deliver(_mail(1))


def test_a_guarded_mailbox_takes_mail_after_encryption_and_login_only(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    certificates.ensure()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.of("mailbox").both)
    with (
        Mailbox(tmp_path / "mail", login=Login("desk", "secret", context)) as guarded,
        smtplib.SMTP("127.0.0.1", guarded.smtp_port, local_hostname="localhost", timeout=10) as smtp,
    ):
        smtp.ehlo()
        assert "auth" not in smtp.esmtp_features
        assert smtp.mail("a@example.com")[0] == 530
        smtp.starttls(context=ssl.create_default_context(cafile=certificates.authority))
        smtp.ehlo()
        assert smtp.mail("a@example.com")[0] == 530
        for user, password in (("desk", "guessed"), ("other", "secret"), ("desk", "s\u00e9cret")):
            with pytest.raises((smtplib.SMTPAuthenticationError, UnicodeEncodeError)):
                smtp.login(user, password)
        smtp.login("desk", "secret")
        smtp.mail("a@example.com")
        smtp.rcpt("b@example.com")
        assert smtp.data(_mail(1)) == (250, b"2.0.0 stored")
        assert _json(guarded, "/api/count")["messages"] == 1
