"""Mail over SendGrid's v3 API, with its official library.

What is known after a failed try stands in :mod:`include.alerts.channels.http_failures`; what is unknown is
tried again with the same Message-ID.

SendGrid has no idempotency key; the Message-ID header lets the receiver drop a repetition, and the
custom argument ``delivery_id`` shows one in SendGrid's event webhook.
"""

from __future__ import annotations

import http.client
import logging
from typing import Any

from python_http_client.exceptions import HTTPError  # type: ignore[import-untyped]
from sendgrid import SendGridAPIClient  # type: ignore[import-untyped]
from sendgrid.helpers.mail import (  # type: ignore[import-untyped]
    Content,
    CustomArg,
    From,
    Header,
    Mail,
    Subject,
    To,
)

from include.alerts.channels.http_failures import Clock, of_urllib, refused, retry_after_of, utc_now
from include.alerts.channels.mime import checked_sender
from include.alerts.errors import DeliveryFailure
from include.alerts.masking import mask_contacts
from include.alerts.message import Message

API = "https://api.sendgrid.com"


class SendGridChannel:
    """Sends mail through SendGrid.

    Parameters
    ----------
    api_key
        A key with the permission to send.
    sender
        The From address, verified at SendGrid, with or without a display name.
    host
        Base URL of the API; the EU's is ``https://api.eu.sendgrid.com``.
    timeout_seconds
        For each step of a call.
    name
        Name of the channel.
    clock
        Tells the time, for a ``Retry-After`` that is a date.
    """

    def __init__(
        self,
        api_key: str,
        sender: str,
        *,
        host: str = API,
        timeout_seconds: float = 10.0,
        name: str = "email",
        clock: Clock = utc_now,
    ) -> None:
        if not api_key:
            raise ValueError("expected a SendGrid API key, got an empty one; set it in the connection")
        self._sender_name, self._sender = checked_sender(sender)
        # At DEBUG it writes the API key and whole mails to the log.
        logging.getLogger("python_http_client").setLevel(logging.INFO)
        self._client = SendGridAPIClient(api_key=api_key, host=host).client
        self._timeout_seconds = timeout_seconds
        self._name = name
        self._clock = clock

    @property
    def name(self) -> str:
        """Name of the channel."""
        return self._name

    def send(self, message: Message, attempt: int = 1) -> str | None:
        """Hand one message over; see :class:`include.alerts.channels.base.Channel`."""
        try:
            response = self._client.mail.send.post(
                request_body=self._mail(message).get(), timeout=self._timeout_seconds
            )
        except HTTPError as error:
            raise self._refused(error, message) from None  # the cause holds the answer in full
        except (OSError, http.client.HTTPException) as error:
            raise of_urllib("SendGrid", message, error) from error
        provider_id = response.headers.get("X-Message-Id")
        return str(provider_id) if provider_id else None

    def close(self) -> None:
        """Nothing is kept open: every call is a request of its own."""

    def _mail(self, message: Message) -> Any:
        mail = Mail(
            from_email=From(self._sender, self._sender_name or None),
            to_emails=To(message.recipient),
            subject=Subject(message.subject),
        )
        mail.add_content(Content("text/plain", message.text))
        mail.add_content(Content("text/html", message.html))
        mail.add_header(Header("Message-ID", message.message_id))
        mail.add_header(Header("Auto-Submitted", "auto-generated"))
        mail.add_header(Header("X-Tidewatch-Alert", str(message.alert_id)))
        mail.add_custom_arg(CustomArg("delivery_id", str(message.delivery_id)))
        mail.add_custom_arg(CustomArg("alert_id", str(message.alert_id)))
        return mail

    def _refused(self, error: Any, message: Message) -> DeliveryFailure:
        status = int(error.status_code)
        body = error.body.decode("utf-8", "replace") if isinstance(error.body, bytes) else str(error.body)
        retry_after = retry_after_of(error.headers, self._clock())
        said = mask_contacts(body, message.recipient)
        return refused("SendGrid", status, said, retry_after, "the API key, the verified sender and the host")
