"""Messages to a system of the bank's: an HTTP POST signed as the Standard Webhooks specification has it.

https://www.standardwebhooks.com: the headers ``webhook-id`` (the delivery's id, the same at every attempt, so
that the receiver can drop a repetition), ``webhook-timestamp`` (of the attempt) and ``webhook-signature``
(HMAC-SHA256 under a shared secret). The body::

    {"type": "alert.raised", "timestamp": "2026-03-01T12:00:02+00:00", "data": {...}}

``type`` and ``data`` are the message's payload, besides subject, text, language, recipient and audience's link.
Equal messages give equal bodies.

What is known after a failed try stands in :mod:`include.alerts.channels.http_failures`; 410 means that the
receiver is gone, which is the channel's fault and not the message's.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import ssl
from functools import cached_property, lru_cache
from urllib.parse import urlsplit

import httpx
from standardwebhooks import Webhook

from include.alerts.channels.http_failures import (
    Clock,
    refused,
    retry_after_of,
    unknown,
    unreachable,
    utc_now,
)
from include.alerts.errors import ChannelUnavailable
from include.alerts.message import Message

VENDOR = "webhook"
_LEAST_SECRET_BYTES = 24
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class WebhookChannel:
    """Posts messages to one address.

    Parameters
    ----------
    url
        Where to; ``https`` but for this machine.
    secret
        Shared with the receiver: ``whsec_`` and at least 24 bytes in base64.
    timeout_seconds
        For each step of a call.
    name
        Name of the channel.
    clock
        Tells the time of an attempt.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        timeout_seconds: float = 10.0,
        name: str = "webhook",
        clock: Clock = utc_now,
    ) -> None:
        parts = urlsplit(url)
        if not parts.hostname or not (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
        ):
            raise ValueError(
                f"expected an https address for webhooks, got scheme {parts.scheme!r} and host "
                f"{parts.hostname!r}; what is sent names customers' transactions"
            )
        self._url, self._webhook = url, Webhook(_secret_bytes(secret))
        self._timeout_seconds, self._name, self._clock = timeout_seconds, name, clock
        # At INFO it writes addresses, which may hold keys.
        logging.getLogger("httpx").setLevel(logging.WARNING)

    @property
    def name(self) -> str:
        """Name of the channel."""
        return self._name

    def send(self, message: Message, attempt: int = 1) -> str | None:
        """Hand one message over; see :class:`include.alerts.channels.base.Channel`."""
        body, now = body_of(message), self._clock()
        identity = str(message.delivery_id)
        headers = {
            "content-type": "application/json",
            "user-agent": "tidewatch",
            "webhook-id": identity,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(identity, now, body),
        }
        try:
            answer = self._client.post(self._url, content=body.encode(), headers=headers)
        except _NOT_SENT as error:
            raise unreachable(VENDOR, f"{type(error).__name__}: {error}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unknown(VENDOR, message, f"{type(error).__name__}: {error}") from None
        if answer.is_success:
            return None
        retry_after = retry_after_of(answer.headers, now)
        # What the receiver says may quote the message; its status says enough.
        if answer.status_code == 410:
            raise ChannelUnavailable(f"{VENDOR}: 410, the receiver is gone; remove or correct the connection")
        raise refused(
            VENDOR,
            answer.status_code,
            answer.reason_phrase,
            retry_after,
            "address and secret of the receiver",
        )

    def close(self) -> None:
        """Close connections; the next ``send`` opens them again."""
        client = self.__dict__.pop("_client", None)
        if client is not None:
            client.close()

    @cached_property
    def _client(self) -> httpx.Client:
        return httpx.Client(verify=_trust(), timeout=self._timeout_seconds, follow_redirects=False)


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    """Reading the trusted certificates takes 35 ms, and every sender opens a channel of its own."""
    return httpx.create_ssl_context()


def body_of(message: Message) -> str:
    """The body, with its keys in order."""
    facts = dict(message.payload)
    event = facts.pop("event", "message")
    data = facts | {
        "delivery_id": str(message.delivery_id),
        "recipient": message.recipient,
        "language": message.language,
        "subject": message.subject,
        "text": message.text,
    }
    content = {"type": event, "timestamp": message.written_at.isoformat(), "data": data}
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _secret_bytes(secret: str) -> bytes:
    """The key within ``whsec_...``; it is in no error."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith("whsec_") or len(key) < _LEAST_SECRET_BYTES:
        raise ValueError(
            f"expected a webhook secret: whsec_ and at least {_LEAST_SECRET_BYTES} bytes in base64; make one with: "
            "python -c \"import base64, secrets; print('whsec_' + base64.b64encode(secrets.token_bytes(32)).decode())\""
        )
    return key
