"""Every vendor that is spoken to by HTTP, with its channel: what the contract suite runs over."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from include.alerts.channels.base import Channel
from include.alerts.channels.sendgrid import SendGridChannel
from include.alerts.channels.slack import SlackChannel
from include.alerts.channels.twilio import TwilioChannel
from include.alerts.channels.webhook import WebhookChannel
from include.alerts.errors import DeliveryFailure
from include.alerts.message import Message
from include.local.mailbox import Credentials, MailStore
from include.local.mailbox.vendors import Answer, Request, Vendors
from tests.alerts.channels.faulty_http import PATIENCE, FaultyVendor, faulty_vendor
from tests.alerts.examples import message

ACCOUNT = "AC" + "0" * 32
NUMBER, SENDER = "+491701234567", "+4915112345678"
CONVERSATION = "C0123456789"
TOKEN = "the-secret-token"
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class World:
    """A vendor that runs, and how its channel is made."""

    server: FaultyVendor
    store: MailStore
    opened: Callable[[str | None, float], Channel]
    recipient: str
    patience: float = 10.0  # seconds

    def make(self, credential: str | None = None) -> Channel:
        """The channel; with another credential, if one is given."""
        return self.opened(credential, self.patience)

    def message(self, number: int = 1, **changes: Any) -> Message:
        return message(number, recipient=self.recipient, **changes)

    def failure(self, attempt: int = 1) -> DeliveryFailure:
        """Send, and give up soon: it is expected to fail."""
        self.patience = PATIENCE
        try:
            with pytest.raises(DeliveryFailure) as caught:
                self.send(attempt)
        finally:
            self.patience = 10.0
        return caught.value

    def send(self, attempt: int = 1) -> str | None:
        channel = self.make()
        try:
            return channel.send(self.message(), attempt)
        finally:
            channel.close()


def _sendgrid_answers(store: MailStore) -> Callable[[Request], Answer]:
    """As SendGrid and the recipient's mail server together: that drops what it has, by Message-ID."""

    def answer(request: Request) -> Answer:
        if request.bearer() != TOKEN:
            return Answer(401, {"errors": [{"message": "authorization required"}]})
        if request.path != ("v3", "mail", "send"):
            return Answer(404, {})
        mail = json.loads(request.body)
        store.deliver(f"Message-ID: {mail['headers']['Message-ID']}\r\n\r\n{request.body.decode()}".encode())
        return Answer(202, {})

    return answer


@contextmanager
def world_of(vendor: str, folder: Path) -> Iterator[World]:
    """Run a vendor."""
    store = MailStore(folder)
    vendors = Vendors(store, Credentials(TOKEN, TOKEN, WEBHOOK_SECRET))
    usual = _sendgrid_answers(store) if vendor == "sendgrid" else lambda of: vendors.answer(vendor, of)
    with faulty_vendor(usual) as server:
        url = server.url

        def twilio(token: str | None, patience: float) -> Channel:
            return TwilioChannel(
                ACCOUNT, token or TOKEN, SENDER, api=url, timeout_seconds=patience, clock=lambda: NOW
            )

        def slack(token: str | None, patience: float) -> Channel:
            return SlackChannel(token or TOKEN, api=f"{url}/api", timeout_seconds=patience, clock=lambda: NOW)

        def webhook(secret: str | None, patience: float) -> Channel:
            # The receiver refuses an attempt that is not of this moment. Addresses may hold a key.
            return WebhookChannel(f"{url}/hook/{TOKEN}", secret or WEBHOOK_SECRET, timeout_seconds=patience)

        def sendgrid(key: str | None, patience: float) -> Channel:
            sender = "Tidewatch <alerts@example.com>"
            return SendGridChannel(
                key or TOKEN, sender, host=url, timeout_seconds=patience, clock=lambda: NOW
            )

        opened, recipient = {
            "sendgrid": (sendgrid, "customer+C-77@example.com"),
            "twilio": (twilio, NUMBER),
            "slack": (slack, CONVERSATION),
            "webhook": (webhook, "case-system"),
        }[vendor]
        yield World(server, store, opened, recipient)


VENDORS = ("sendgrid", "twilio", "slack", "webhook")
