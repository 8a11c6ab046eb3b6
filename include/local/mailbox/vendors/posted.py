"""What was sent by SMS, Slack or webhook, kept as a mail: so one store, one list and one page show everything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from typing import Any

from include.local.mailbox.store import MailStore

CHANNEL = "X-Tidewatch-Channel"
_VENDOR_ID = "X-Tidewatch-Vendor-Id"
_RECIPIENT = "X-Tidewatch-Recipient"  # as it was; To is shown, and may be folded
_BATCH = 200
_HEADERS = 4096


@dataclass(frozen=True, slots=True)
class Posted:
    """One message that a vendor has taken."""

    channel: str  # "sms", "slack" or "webhook"
    vendor_id: str  # the store keeps one of each channel and id
    sender: str
    recipient: str
    subject: str
    text: str
    request: dict[str, Any]  # as it was sent
    alert_id: str = ""
    delivery_id: str = ""


def keep(store: MailStore, posted: Posted) -> bool:
    """Store a message; False if one of its id was there."""
    mail = EmailMessage(policy=SMTP)
    for name, value in (
        ("From", posted.sender),
        ("To", posted.recipient),
        ("Subject", posted.subject),
        ("Message-ID", f"<{posted.vendor_id}@{posted.channel}.mailbox.invalid>"),
        (CHANNEL, posted.channel),
        (_VENDOR_ID, posted.vendor_id),
        (_RECIPIENT, posted.recipient),
        ("X-Tidewatch-Alert", posted.alert_id),
        ("X-Tidewatch-Delivery", posted.delivery_id),
    ):
        mail[name] = " ".join(value.split())
    mail.set_content(posted.text, cte="base64")
    mail.add_attachment(
        json.dumps(posted.request, ensure_ascii=False, indent=2).encode(),
        maintype="application",
        subtype="json",
        filename="request.json",
    )
    return store.deliver(mail.as_bytes())


def kept(store: MailStore, channel: str, since: datetime | None = None) -> Iterator[tuple[Posted, datetime]]:
    """Messages of a channel with the moment each came, newest first."""
    since, offset = since or datetime.min.replace(tzinfo=UTC), 0
    while mails := store.newest(_BATCH, offset):
        offset += len(mails)
        for stored in mails:
            if stored.received_at < since:
                return
            content = store.read(stored.key) or b""
            # Parsing takes a millisecond, and most are mails.
            if f"{CHANNEL}: {channel}".encode() not in content[:_HEADERS]:
                continue
            mail = message_from_bytes(content, policy=default)
            if mail.get(CHANNEL) == channel:
                yield _posted(mail), stored.received_at


def _posted(mail: EmailMessage) -> Posted:
    (request,) = mail.iter_attachments()
    body = mail.get_body(("plain",))
    return Posted(
        channel=str(mail[CHANNEL]),
        vendor_id=str(mail[_VENDOR_ID]),
        sender=str(mail["From"]),
        recipient=str(mail[_RECIPIENT]),
        subject=str(mail["Subject"]),
        text=str(body.get_content()).removesuffix("\n") if body is not None else "",
        request=json.loads(request.get_content()),
        alert_id=str(mail["X-Tidewatch-Alert"]),
        delivery_id=str(mail["X-Tidewatch-Delivery"]),
    )
