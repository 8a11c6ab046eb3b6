import json
import logging
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowNotFoundException

from include.local.airflow_settings import VENDORS, embedded, read
from include.local.mailbox import Credentials, Mailbox
from include.local.secrets import load_secrets
from include.orchestration import connections
from include.orchestration.connections import open_channels
from include.settings import Settings
from tests.alerts.examples import message
from tests.connections import set_connection

RECIPIENTS = {
    "email": "customer+C-77@example.com",
    "sms": "+491701234567",
    "webhook": "case-system",
    "slack": "fraud-desk",
}


@pytest.fixture
def mailbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """The embedded stack's mailbox, and its connections as the stack writes them."""
    secrets = load_secrets(tmp_path)
    credentials = Credentials(secrets.twilio, secrets.slack, secrets.webhook)
    with Mailbox(tmp_path / "mail", credentials=credentials) as running:
        base = Settings(stack_dir=tmp_path)
        ports = base.ports.model_copy(update={"mailbox": running.http_port, "smtp": running.smtp_port})
        here = base.model_copy(update={"ports": ports})
        for connection in read().connections:
            if connection.conn_id in {*VENDORS, "smtp_default"}:
                set_connection(monkeypatch, **embedded(connection, here).model_dump())
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield running


def test_every_channel_reaches_the_mailbox_and_is_shown_there(mailbox: Mailbox) -> None:
    channels = open_channels(("email", "sms", "webhook", "slack"))()
    assert [channel.name for channel in channels] == ["email", "sms", "webhook", "slack"]
    for channel in channels:
        channel.send(message(recipient=RECIPIENTS[channel.name]))
        channel.close()
    assert mailbox.store.count() == 4


def test_only_what_is_asked_for_is_looked_up(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk import Connection

    asked: list[str] = []
    look_up = Connection.get

    def counting(conn_id: str) -> Any:
        asked.append(conn_id)
        return look_up(conn_id)

    monkeypatch.setattr(Connection, "get", counting)
    opened = open_channels()
    assert [channel.name for channel in opened() + opened()] == ["email", "email"]
    assert sorted(asked) == ["sendgrid_default", "smtp_default"]
    asked.clear()
    open_channels(["sms"])()
    assert asked == ["twilio_default"]


def test_sendgrid_is_used_if_its_connection_is_there(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_connection(monkeypatch, conn_id="sendgrid_default", conn_type="generic", conn_password="key")
    (channel,) = open_channels()()
    assert type(channel).__name__ == "SendGridChannel"


def test_sendgrid_alone_is_enough_if_it_names_the_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SMTP_DEFAULT", raising=False)
    extra = json.dumps({"from_email": "alerts@example.com"})
    set_connection(
        monkeypatch, conn_id="sendgrid_default", conn_type="generic", conn_password="key", conn_extra=extra
    )
    (channel,) = open_channels()()
    assert type(channel).__name__ == "SendGridChannel"


def test_channels_are_looked_up_once_and_not_before_somebody_needs_them(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Collection[str]] = []
    look_up = connections.open_channels

    def counting(names: Collection[str]) -> Any:
        asked.append(names)
        return look_up(names)

    monkeypatch.setattr(connections, "open_channels", counting)
    with connections.channels_soon(["sms"]):
        pass
    assert asked == []
    with connections.channels_soon(["sms"]) as channels, ThreadPoolExecutor(4) as senders:
        opened = [one.result() for one in [senders.submit(channels) for _ in range(4)]]
    assert asked == [["sms"]]
    assert len({id(channel) for several in opened for channel in several}) == 4


def test_channels_that_cannot_be_opened_say_why_to_who_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SMTP", "SENDGRID"):
        monkeypatch.delenv(f"AIRFLOW_CONN_{name}_DEFAULT", raising=False)
    with connections.channels_soon(["email"]) as channels:
        channels.begin()
        with pytest.raises(AirflowNotFoundException):
            channels()


def test_a_channel_that_is_not_set_up_stops_no_other(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SLACK_DEFAULT")
    # As Astro reads the file: without a password.
    set_connection(
        monkeypatch, **next(c for c in read().connections if c.conn_id == "twilio_default").model_dump()
    )
    with caplog.at_level(logging.ERROR):
        channels = open_channels(("sms", "slack", "email"))()
    assert [channel.name for channel in channels] == ["email"]
    assert "channel sms" in caplog.text
    assert "auth token" in caplog.text
    assert "channel slack" in caplog.text


def test_no_secret_stands_in_the_settings_file() -> None:
    assert {c.conn_id: c.conn_password for c in read().connections if c.conn_id in VENDORS} == dict.fromkeys(
        VENDORS
    )
