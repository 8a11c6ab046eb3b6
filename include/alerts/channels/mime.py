"""A message as RFC 5322 bytes."""

from __future__ import annotations

import re
from email import policy
from email.charset import QP, Charset
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.utils import format_datetime, formataddr, parseaddr
from typing import Any

from include.alerts.errors import PermanentFailure
from include.alerts.message import Message

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}")
_UTF8 = Charset("utf-8")
_UTF8.body_encoding = QP
# The older of the two interfaces of the standard library: a third of the other's 3 ms a mail, which
# parses every header it is given. What it does not check, this module does.
_WIRE = policy.compat32.clone(linesep="\r\n")


def checked_sender(sender: str) -> tuple[str, str]:
    """Take a From address apart into display name and address.

    Raises
    ------
    ValueError
        It is not one address.
    """
    name, address = parseaddr(sender)
    if not _ADDRESS.fullmatch(address) or any(ord(c) < 32 for c in sender):
        raise ValueError(f"expected a sender such as 'Bank <alerts@example.com>', got {sender!r}; correct it")
    return name, address


def mime_of(message: Message, sender: tuple[str, str]) -> bytes:
    """Write ``message`` as text and HTML alternatives; equal messages give equal bytes.

    Raises
    ------
    PermanentFailure
        The recipient is not one ASCII address.
    """
    if not _ADDRESS.fullmatch(message.recipient):
        raise PermanentFailure(
            f"delivery {message.delivery_id}: expected one plain ASCII e-mail address as recipient, got "
            f"{message.recipient!r}; correct the contact"
        )
    mail = MIMEMultipart("alternative", boundary=f"tidewatch-{message.delivery_id.hex}")
    mail["From"] = formataddr(sender)
    mail["To"] = message.recipient
    subject: Any = Header(message.subject, "us-ascii" if message.subject.isascii() else "utf-8")
    mail["Subject"] = subject  # typed as text only, but Header is what folds it
    mail["Date"] = format_datetime(message.written_at)
    mail["Message-ID"] = message.message_id
    mail["Content-Language"] = message.language
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice answers it
    mail["X-Tidewatch-Alert"] = str(message.alert_id)
    mail["X-Tidewatch-Delivery"] = str(message.delivery_id)
    for subtype, content in (("plain", message.text), ("html", message.html)):
        part = MIMENonMultipart("text", subtype, charset="utf-8")
        part.set_payload(content, _UTF8)
        mail.attach(part)
    return mail.as_bytes(policy=_WIRE)
