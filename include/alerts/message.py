"""A message as it is handed to a channel: who gets it, what it says, and the id that makes it one."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Message:
    """One rendered delivery. The same delivery always renders to an equal message."""

    delivery_id: uuid.UUID
    alert_id: uuid.UUID
    message_id: str  # RFC 5322, in <angle brackets>; the same for every try
    recipient: str
    language: str  # ISO 639-1
    subject: str  # one line
    text: str
    html: str
    written_at: datetime  # the Date header: when the alert was raised, UTC
