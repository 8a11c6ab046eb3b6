"""The mailbox's stand-ins check requests as the vendors do, and show what they take beside the mails."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from standardwebhooks import Webhook

from include.local.mailbox import Credentials, Mailbox
from include.local.mailbox.web import MAX_BYTES

ACCOUNT, TOKEN = "AC" + "0" * 32, "the-token"
SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
MESSAGES = f"/vendors/twilio/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
SMS = {"To": "+491701234567", "From": "+493023125000", "Body": "Grüße von Ihrer Bank"}


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Mailbox]:
    with Mailbox(tmp_path, credentials=Credentials(TOKEN, TOKEN, SECRET)) as running:
        yield running


def _call(
    mailbox: Mailbox, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, Any]]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"http://127.0.0.1:{mailbox.http_port}{path}", body, names)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read()) if "json" in error.headers["Content-Type"] else {}


def _twilio(
    mailbox: Mailbox, form: dict[str, str] | None, path: str = MESSAGES, login: str = f"{ACCOUNT}:{TOKEN}"
) -> tuple[int, dict[str, Any]]:
    basic = f"Basic {base64.b64encode(login.encode()).decode()}"
    return _call(mailbox, path, None if form is None else urlencode(form).encode(), Authorization=basic)


def _slack(mailbox: Mailbox, method: str, token: str = TOKEN, **arguments: Any) -> dict[str, Any]:
    status, answer = _call(
        mailbox,
        f"/vendors/slack/api/{method}",
        json.dumps(arguments).encode(),
        Authorization=f"Bearer {token}",
        Content_Type="application/json;charset=utf-8",
    )
    assert status == 200
    return answer


def _webhook(mailbox: Mailbox, identity: str, secret: str = SECRET, **age: int) -> tuple[int, dict[str, Any]]:
    body = json.dumps(
        {"type": "alert.raised", "data": {"recipient": "cases", "subject": "s", "alert_id": "a-1"}}
    )
    moment = datetime.now(UTC) - timedelta(**age)
    return _call(
        mailbox,
        "/vendors/webhook",
        body.encode(),
        webhook_id=identity,
        webhook_timestamp=str(int(moment.timestamp())),
        webhook_signature=Webhook(secret).sign(identity, moment, body),
    )


def test_sms_slack_and_webhooks_are_shown_beside_mails(mailbox: Mailbox) -> None:
    mailbox.store.deliver(
        b"To: b@example.com\r\nSubject: a mail\r\nMessage-ID: <1@example.com>\r\n\r\nhello\r\n"
    )
    assert _twilio(mailbox, SMS)[0] == 201
    assert _slack(mailbox, "chat.postMessage", channel="C0123456789", text="an alert")["ok"]
    assert _webhook(mailbox, "d-1") == (200, {"kept": True})
    listed = _call(mailbox, "/api/messages")[1]["messages"]
    assert [(one["channel"], one["recipient"], one["subject"]) for one in listed] == [
        ("webhook", "cases", "alert.raised: s"),
        ("slack", "C0123456789", "an alert"),
        ("sms", "+491701234567", "Grüße von Ihrer Bank"),
        ("email", "b@example.com", "a mail"),
    ]
    assert listed[0]["alert_id"] == "a-1"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{mailbox.http_port}/", timeout=10) as answer:
        page = answer.read().decode()
    assert "<th>Channel</th>" in page
    for channel in ("webhook", "slack", "sms", "email"):
        assert f"<td>{channel}</td>" in page


def test_twilio_lists_what_was_sent_to_a_number_newest_first(mailbox: Mailbox) -> None:
    sids = [_twilio(mailbox, SMS | {"Body": f"number {n}"})[1]["sid"] for n in range(5)]
    _twilio(mailbox, SMS | {"To": "+491709999999"})
    listed, path = [], f"{MESSAGES}?{urlencode({'To': SMS['To'], 'PageSize': 2})}"
    while path:
        status, page = _twilio(mailbox, None, path)
        assert status == 200
        listed += [message["sid"] for message in page["messages"]]
        path = page["next_page_uri"] and f"/vendors/twilio{page['next_page_uri']}"
    assert listed == sids[::-1]
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert _twilio(mailbox, None, f"{MESSAGES}?{urlencode({'DateSent>': tomorrow})}")[1]["messages"] == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"To": ""}, 21604),
        ({"From": ""}, 21603),
        ({"Body": ""}, 21602),
        ({"To": "0170"}, 21211),
        ({"Body": "x" * 1601}, 21617),
    ],
)
def test_twilio_refuses_what_twilio_refuses(mailbox: Mailbox, change: dict[str, str], code: int) -> None:
    status, answer = _twilio(mailbox, SMS | change)
    assert (status, answer["code"]) == (400, code)
    assert mailbox.store.count() == 0


@pytest.mark.parametrize("login", [f"{ACCOUNT}:wrong", f"{ACCOUNT}:", ":"])
def test_twilio_lets_nobody_in_without_the_token(mailbox: Mailbox, login: str) -> None:
    assert _twilio(mailbox, SMS, login=login)[0] == 401
    assert _call(mailbox, MESSAGES, urlencode(SMS).encode())[0] == 401
    assert mailbox.store.count() == 0


def test_twilio_knows_one_account(mailbox: Mailbox) -> None:
    assert _twilio(mailbox, SMS, login=f"AC1:{TOKEN}")[0] == 404
    assert _twilio(mailbox, SMS, MESSAGES.replace("Messages", "Calls"))[0] == 404


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("chat.postMessage", {"text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"text": "x", "channel": "#name"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "C0123456789"}, "no_text"),
        ("chat.delete", {"channel": "C0123456789"}, "unknown_method"),
        ("conversations.history", {}, "channel_not_found"),
    ],
)
def test_slack_refuses_what_slack_refuses(
    mailbox: Mailbox, method: str, arguments: dict[str, str], error: str
) -> None:
    assert _slack(mailbox, method, **arguments) == {"ok": False, "error": error}
    assert mailbox.store.count() == 0


def test_slack_lets_nobody_in_without_the_token(mailbox: Mailbox) -> None:
    assert _slack(mailbox, "chat.postMessage", token="wrong")["error"] == "invalid_auth"
    assert _slack(mailbox, "chat.postMessage", token="")["error"] == "not_authed"


def test_slack_shows_metadata_only_if_asked(mailbox: Mailbox) -> None:
    metadata = {"event_type": "e", "event_payload": {"delivery_id": "d-1"}}
    posted = _slack(mailbox, "chat.postMessage", channel="C0123456789", text="x", metadata=metadata)
    _slack(mailbox, "chat.postMessage", channel="C9999999999", text="elsewhere")
    (plain,) = _slack(mailbox, "conversations.history", channel="C0123456789")["messages"]
    (full,) = _slack(
        mailbox, "conversations.history", channel="C0123456789", include_all_metadata=True
    )["messages"]  # fmt: skip
    assert plain == {"type": "message", "ts": posted["ts"], "text": "x"}
    assert full == {**plain, "metadata": metadata}


def test_a_webhook_is_kept_once_and_only_with_its_signature(mailbox: Mailbox) -> None:
    other = "whsec_" + base64.b64encode(b"t" * 32).decode()
    assert _webhook(mailbox, "d-1", other)[0] == 401
    assert _webhook(mailbox, "d-1", minutes=10)[0] == 401
    assert mailbox.store.count() == 0
    assert _webhook(mailbox, "d-1") == (200, {"kept": True})
    assert _webhook(mailbox, "d-1", seconds=2) == (200, {"kept": False})
    assert _webhook(mailbox, "d-2") == (200, {"kept": True})
    assert (mailbox.store.count(), mailbox.store.suppressed()) == (2, 1)
    assert _call(mailbox, "/vendors/webhook")[0] == 405


def test_without_credentials_only_mail_comes_in(tmp_path: Path) -> None:
    with Mailbox(tmp_path) as closed:
        assert _twilio(closed, SMS)[0] == 503
        assert _webhook(closed, "d-1")[0] == 503


@pytest.mark.parametrize("body", [b"[]", b"{", b'"x"', b'{"channel": "C0123456789", "blocks": 7}'])
def test_nonsense_is_refused_and_stops_nothing(mailbox: Mailbox, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content_Type": "application/json"}
    assert _call(mailbox, "/vendors/slack/api/chat.postMessage", body, **headers)[0] == 400
    assert _twilio(mailbox, SMS)[0] == 201


def test_a_body_without_end_is_refused(mailbox: Mailbox) -> None:
    assert _call(mailbox, MESSAGES, b"x", Content_Length=str(MAX_BYTES + 1))[0] == 413


def test_a_foreign_host_name_is_refused(mailbox: Mailbox) -> None:
    assert _call(mailbox, MESSAGES, urlencode(SMS).encode(), Host="evil.example.com")[0] == 421
    assert _call(mailbox, "/vendors/nobody")[0] == 404


def test_headers_cannot_be_smuggled_in(mailbox: Mailbox) -> None:
    _twilio(mailbox, SMS | {"Body": "one\r\nX-Tidewatch-Alert: forged\r\n\r\ntwo", "From": "a\r\nBcc: b"})
    (listed,) = _call(mailbox, "/api/messages")[1]["messages"]
    assert listed["alert_id"] == ""
    assert listed["subject"] == "one X-Tidewatch-Alert: forged two"
