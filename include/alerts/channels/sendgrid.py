"""Mail over SendGrid's v3 API, with its official library.

What is known after a failed try, and therefore what is done:

=============================  ================================================================
no connection                  the channel is out of order; nothing was sent
401, 403                       our key or sender is refused: out of order, as every message would be
429                            too fast: out of order until ``Retry-After``
other 4xx                      the message is refused for good
5xx                            not taken, may be tried again (``Retry-After`` is honoured)
no answer in time, cut off     *unknown* whether it was taken: tried again with the same Message-ID
=============================  ================================================================

SendGrid has no idempotency key; the Message-ID header lets the receiver drop a repetition, and the
custom argument ``delivery_id`` shows one in SendGrid's event webhook.
"""

from __future__ import annotations

import http.client
import logging
import urllib.error
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
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

from include.alerts.channels.mime import checked_sender
from include.alerts.errors import ChannelUnavailable, DeliveryFailure, PermanentFailure, TemporaryFailure
from include.alerts.message import Message

API = "https://api.sendgrid.com"


def _now() -> datetime:
    return datetime.now(UTC)


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
        clock: Callable[[], datetime] = _now,
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
            raise self._refused(error) from error
        except urllib.error.URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise _unknown(message, error) from error
            raise ChannelUnavailable(
                f"SendGrid: expected a connection, got {error.reason}; check the network and the host"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise _unknown(message, error) from error
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

    def _refused(self, error: Any) -> DeliveryFailure:
        status = int(error.status_code)
        body = error.body.decode("utf-8", "replace") if isinstance(error.body, bytes) else str(error.body)
        problem = f"SendGrid: {status} {' '.join(body.split())[:300]}"
        retry_after = _retry_after(error.headers, self._clock())
        if status in (401, 403):
            return ChannelUnavailable(f"{problem}; check the API key and the verified sender", retry_after)
        if status == 429:
            return ChannelUnavailable(problem, retry_after)
        if 400 <= status < 500 and status != 408:
            return PermanentFailure(problem)
        return TemporaryFailure(problem, retry_after)


def _unknown(message: Message, error: Exception) -> TemporaryFailure:
    return TemporaryFailure(
        f"SendGrid: expected an answer, got {type(error).__name__}: {error}; unknown whether the message was "
        f"taken, to be tried again as {message.message_id}"
    )


def _retry_after(headers: Mapping[str, str] | None, now: datetime) -> float | None:
    """Seconds to wait, from ``Retry-After`` (seconds or a date, RFC 9110 section 10.2.3)."""
    value = headers.get("Retry-After") if headers is not None else None
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value).astimezone(UTC) - now).total_seconds())
    except (TypeError, ValueError):
        return None
