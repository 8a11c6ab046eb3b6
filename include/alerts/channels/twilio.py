"""SMS over Twilio's Messages API, with its official library.

What is known after a failed try stands in :mod:`include.alerts.channels.http_failures`. Besides, by Twilio's code:

==============================  ===================================================================
20003, 20005, 20404             login refused, account not active, account unknown: out of order
21212, 21603, 21606, 21659,     our own sender is refused: out of order, as every message would be
21660
14107, 20429, 21611, 63038      too fast, or the sender's queue or day is full: out of order
21211, 21610, 21614 ...         the number is wrong or has opted out: refused for good
==============================  ===================================================================

Twilio has no idempotency key. So from the second attempt on the channel first asks for what was sent to the
number since the message was written, and takes a message that carries the delivery's reference for its own,
unless Twilio says of it that it will never arrive.
It does not filter by ``DateSent``, which a message lacks as long as it is queued, that is, just when it matters.
What is left is a message taken after an answer to that question: a request that was under way all through the
wait of the outbox.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar

import requests
from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]
from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from include.alerts.channels.http_failures import (
    Clock,
    refused,
    retry_after_of,
    unknown,
    unreachable,
    utc_now,
)
from include.alerts.errors import ChannelUnavailable, DeliveryFailure, PermanentFailure, TemporaryFailure
from include.alerts.masking import mask_account, mask_in
from include.alerts.message import Message

API = "https://api.twilio.com"
VENDOR = "Twilio"
_T = TypeVar("_T")

_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_OUT_OF_ORDER = frozenset(
    {14107, 20003, 20005, 20404, 20429, 21212, 21603, 21606, 21611, 21659, 21660, 63038}
)

#: Clocks differ, and Twilio's times are whole seconds.
_CLOCKS_DIFFER = timedelta(hours=1)
_PAGE = 100
_NEVER_ARRIVES = frozenset({"failed", "undelivered", "canceled"})


class TwilioChannel:
    """Sends SMS through Twilio.

    Parameters
    ----------
    account_sid, auth_token
        The account.
    sender
        A number of the account (E.164) or the SID of a messaging service (``MG...``).
    api
        Base URL of the API; another region's, or a server that speaks like it.
    timeout_seconds
        For each step of a call.
    name
        Name of the channel.
    clock
        Tells the time, for a ``Retry-After`` that is a date.
    """

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        sender: str,
        *,
        api: str = API,
        timeout_seconds: float = 10.0,
        name: str = "sms",
        clock: Clock = utc_now,
    ) -> None:
        if not account_sid or not auth_token:
            raise ValueError("expected Twilio's account SID and auth token, got an empty one; set both")
        if not (_NUMBER.fullmatch(sender) or re.fullmatch(r"MG[0-9a-f]{32}", sender)):
            raise ValueError(
                f"expected a sender such as +491701234567 or the SID of a messaging service, got {sender!r}"
            )
        self._account_sid, self._auth_token = account_sid, auth_token
        self._sender = {"messaging_service_sid" if sender.startswith("MG") else "from_": sender}
        self._api, self._timeout_seconds = api.rstrip("/"), timeout_seconds
        self._name, self._clock = name, clock
        # At DEBUG it writes the addresses of calls, which hold numbers.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

    @property
    def name(self) -> str:
        """Name of the channel."""
        return self._name

    def send(self, message: Message, attempt: int = 1) -> str | None:
        """Hand one message over; see :class:`include.alerts.channels.base.Channel`."""
        if not _NUMBER.fullmatch(message.recipient):
            raise PermanentFailure(
                f"delivery {message.delivery_id}: expected a number such as +491701234567 as recipient, got "
                f"{mask_account(message.recipient)}; correct the contact"
            )
        try:
            taken = self._taken_before(message) if attempt > 1 else None
        except PermanentFailure as failure:  # of the question, not of the message
            raise TemporaryFailure(f"{failure} (asked whether it was sent before)") from None
        if taken is not None:
            return taken
        return str(
            self._call(
                message,
                lambda: (
                    self._client.messages.create(to=message.recipient, body=message.short, **self._sender).sid
                ),
            )
        )

    def close(self) -> None:
        """Close connections; the next ``send`` opens them again."""
        client = self.__dict__.pop("_client", None)
        if client is not None:
            client.http_client.session.close()

    @cached_property
    def _client(self) -> Any:
        http = _Http(self._api, self._timeout_seconds)
        # An environment of its own: TWILIO_EDGE and TWILIO_REGION would change the address behind our back.
        return Client(self._account_sid, self._auth_token, http_client=http, environment={"": ""})

    def _taken_before(self, message: Message) -> str | None:
        oldest = message.written_at - _CLOCKS_DIFFER

        def look() -> str | None:
            for sent in self._client.messages.stream(to=message.recipient, page_size=_PAGE):  # newest first
                if sent.date_created is not None and sent.date_created < oldest:
                    return None
                if message.reference in (sent.body or "") and sent.status not in _NEVER_ARRIVES:
                    return str(sent.sid)
            return None

        return self._call(message, look)

    def _call(self, message: Message, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except _Refused as answer:
            raise self._failure(answer, message) from None
        # The causes hold addresses with numbers in them: none of them may reach a log.
        except (requests.RequestException, TwilioException, ValueError, KeyError) as error:
            what = type(_cause(error)).__name__
            raise (
                unreachable(VENDOR, what) if _nothing_was_sent(error) else unknown(VENDOR, message, what)
            ) from None

    def _failure(self, answer: _Refused, message: Message) -> DeliveryFailure:
        said = mask_in(answer.said, (message.recipient, message.recipient.lstrip("+")))
        retry_after = retry_after_of(answer.headers, self._clock())
        if answer.code in _OUT_OF_ORDER:
            advice = "account SID, auth token and sender, and how much the sender may send"
            return ChannelUnavailable(f"{VENDOR}: {answer.code} {said}; check {advice}", retry_after)
        return refused(
            VENDOR, answer.status, said, retry_after, "account SID, auth token and the API's address"
        )


class _Refused(Exception):
    """An answer that is no success; Twilio's own error has no headers."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str]) -> None:
        super().__init__(status)
        self.status, self.headers = status, headers
        self.code, self.said = 0, ""
        try:
            told = json.loads(text)
            self.code, self.said = int(told.get("code") or 0), str(told.get("message") or "")
        except (ValueError, TypeError, AttributeError):
            self.said = "with an answer that is not Twilio's"


class _Http(TwilioHttpClient):  # type: ignore[misc]
    """Twilio's client at another address; it repeats nothing, and logs nothing (the original logs numbers)."""

    def __init__(self, api: str, timeout_seconds: float) -> None:
        super().__init__(timeout=timeout_seconds, max_retries=0)
        self._api = api

    def request(self, method: str, url: str, *args: Any, **options: Any) -> Any:
        """One call, at the configured address."""
        response = super().request(method, self._api + url.removeprefix(API), *args, **options)
        if response.status_code >= 300:
            raise _Refused(response.status_code, response.text, response.headers or {})
        return response

    def log_request(self, kwargs: dict[str, Any]) -> None:
        """Nothing."""

    def log_response(self, status_code: int, response: Any) -> None:
        """Nothing."""


def _cause(error: Exception) -> Exception:
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", None) or inner
    return reason if isinstance(reason, Exception) else error


def _nothing_was_sent(error: Exception) -> bool:
    before = (requests.ConnectTimeout, requests.exceptions.SSLError, requests.exceptions.ProxyError)
    return isinstance(error, before) or isinstance(_cause(error), NewConnectionError | ConnectTimeoutError)
