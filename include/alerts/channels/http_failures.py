"""What a failed HTTP call says of a message: one reading for every vendor that is spoken to by HTTP.

=================================  ===========================================================
no connection                      the channel is out of order; nothing was sent
a redirect, 401, 403, 404, 405     our address, key or account is wrong: out of order, as every
                                   message would be
429                                too fast: out of order until ``Retry-After``
other 4xx                          the message is refused for good
408, 5xx                           not taken, may be tried again (``Retry-After`` is honoured)
no answer in time, cut off         *unknown* whether it was taken: tried again
=================================  ===========================================================

No error text holds what was sent or where exactly to: messages name customers, addresses may hold keys.
"""

from __future__ import annotations

import urllib.error
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from include.alerts.errors import (
    ChannelUnavailable,
    DeliveryFailure,
    OutcomeUnknown,
    PermanentFailure,
    TemporaryFailure,
)
from include.alerts.message import Message

Clock = Callable[[], datetime]

#: Waiting longer than a day is as good as not being told; more could not even be added to a date.
_LONGEST_WAIT_SECONDS = 86400.0

_OURS = frozenset({401, 403, 404, 405})


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def refused(vendor: str, status: int, said: str, retry_after: float | None, advice: str) -> DeliveryFailure:
    """The failure that an answer with ``status`` means.

    Parameters
    ----------
    vendor
        As it is called in the message.
    said
        The answer's text, without what must not be logged.
    retry_after
        Seconds it asks us to wait.
    advice
        What to check when it is our side that is refused.
    """
    problem = f"{vendor}: {status} {one_line(said)}".rstrip()
    if status in _OURS or 300 <= status < 400:
        return ChannelUnavailable(f"{problem}; check {advice}", retry_after)
    if status == 429:
        return ChannelUnavailable(problem, retry_after)
    if 400 <= status < 500 and status != 408:
        return PermanentFailure(problem)
    return TemporaryFailure(problem, retry_after)


def unreachable(vendor: str, what: str) -> ChannelUnavailable:
    """There was no connection, so nothing was sent."""
    return ChannelUnavailable(f"{vendor}: expected a connection, got {what}; check the network and the host")


def unknown(vendor: str, message: Message, what: str) -> OutcomeUnknown:
    """The vendor may or may not have taken the message."""
    return OutcomeUnknown(
        f"{vendor}: expected an answer, got {what}; unknown whether the message was "
        f"taken, to be tried again as {message.message_id}"
    )


def of_urllib(vendor: str, message: Message, error: Exception) -> TemporaryFailure:
    """Read an error of ``urllib``: what happens before the request is out comes as ``URLError``."""
    if isinstance(error, urllib.error.URLError) and not isinstance(error.reason, TimeoutError):
        return unreachable(vendor, str(error.reason))
    return unknown(vendor, message, f"{type(error).__name__}: {error}")


def retry_after_of(headers: Mapping[str, str] | None, now: datetime) -> float | None:
    """Seconds to wait, from ``Retry-After`` (seconds or a date, RFC 9110 section 10.2.3); at most a day."""
    found = [value for name, value in (headers or {}).items() if name.lower() == "retry-after"]
    if not found:
        return None
    value = str(found[0]).strip()
    if value.isdecimal():
        return min(float(value), _LONGEST_WAIT_SECONDS)
    try:
        seconds = (parsedate_to_datetime(value).astimezone(UTC) - now).total_seconds()
    except (TypeError, ValueError):
        return None
    return min(max(0.0, seconds), _LONGEST_WAIT_SECONDS)


def one_line(said: str) -> str:
    """What a vendor said, on one line of bearable length."""
    return " ".join(said.split())[:300]
