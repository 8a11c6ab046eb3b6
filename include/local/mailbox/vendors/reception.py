"""Leads a request to its vendor."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

from include.local.mailbox.store import MailStore
from include.local.mailbox.vendors import slack, twilio, webhook
from include.local.mailbox.vendors.exchange import Answer, Request


@dataclass(frozen=True, slots=True)
class Credentials:
    """What senders have to prove."""

    twilio_token: str = field(repr=False)
    slack_token: str = field(repr=False)
    webhook_secret: str = field(repr=False)


class Vendors:
    """The vendors, over one store.

    Parameters
    ----------
    store
        Where messages are kept.
    credentials
        Without them nobody is let in.
    """

    def __init__(self, store: MailStore, credentials: Credentials | None) -> None:
        self._store, self._credentials = store, credentials

    def answer(self, vendor: str, request: Request) -> Answer:
        """Answer one request."""
        if self._credentials is None:
            return Answer(503, {"message": "the mailbox has no credentials; start it with --secrets"})
        match vendor:
            case "twilio":
                return twilio.answer(self._store, request, self._proves(self._credentials.twilio_token))
            case "slack":
                return slack.answer(self._store, request, self._proves(self._credentials.slack_token))
            case "webhook":
                return webhook.answer(self._store, request, self._credentials.webhook_secret)
        return Answer(404, {"message": f"there is no vendor {vendor}"})

    @staticmethod
    def _proves(expected: str) -> Callable[[str], bool]:
        return lambda given: hmac.compare_digest(given.encode(), expected.encode())
