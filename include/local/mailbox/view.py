"""A stored message, taken apart for the pages and the API."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from include.local.mailbox.store import StoredMail
from include.local.mailbox.vendors.posted import CHANNEL


@dataclass(frozen=True, slots=True)
class MailView:
    """What is shown of a message."""

    key: str
    channel: str  # "email", "sms", "slack" or "webhook"
    received_at: str  # RFC 3339, UTC
    message_id: str
    sender: str
    recipient: str
    subject: str
    alert_id: str  # empty for mail that is not ours
    delivery_id: str
    text: str
    html: str  # as sent: never to be shown outside a sandbox

    def summary(self) -> dict[str, str]:
        """The fields of a list, without the content."""
        return {name: value for name, value in asdict(self).items() if name not in ("text", "html")}


def view_of(mail: StoredMail, content: bytes) -> MailView:
    """Take a message apart; whatever cannot be read is shown as empty."""
    message = message_from_bytes(content, policy=default)
    return MailView(
        key=mail.key,
        channel=_header(message, CHANNEL) or "email",
        received_at=mail.received_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        message_id=_header(message, "Message-ID"),
        sender=_header(message, "From"),
        recipient=_header(message, "To"),
        subject=_header(message, "Subject"),
        alert_id=_header(message, "X-Tidewatch-Alert"),
        delivery_id=_header(message, "X-Tidewatch-Delivery"),
        text=_body(message, "plain"),
        html=_body(message, "html"),
    )


def _header(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message.get(name, "")).split())
    # The parser of the standard library fails in many ways on headers made to hurt it.
    except Exception:
        return ""


def _body(message: EmailMessage, kind: str) -> str:
    try:
        part = message.get_body(preferencelist=(kind,))
        return str(part.get_content()) if part is not None else ""
    except Exception:
        return ""
