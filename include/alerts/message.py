"""A message as it is handed to a channel: who gets it, what it says, and the id that makes it one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


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
    short: str  # at most two SMS of the GSM alphabet; ends with the reference
    payload: Mapping[str, Any]  # the facts as JSON has them, as far as the audience may know them
    written_at: datetime  # the Date header: when the alert was raised, UTC

    @property
    def reference(self) -> str:
        """What tells this delivery from others, short enough for an SMS."""
        return reference_of(self.alert_id, self.delivery_id)


def alert_reference(alert_id: uuid.UUID) -> str:
    """Eight characters: enough for the call centre to find the alert, and they tell a customer nothing."""
    return alert_id.hex[:8].upper()


def reference_of(alert_id: uuid.UUID, delivery_id: uuid.UUID) -> str:
    """The alert's reference, and six characters of the delivery.

    Examples
    --------
    >>> reference_of(uuid.UUID(int=0xAB << 120), uuid.UUID(int=0xCD << 120))
    'AB000000-CD0000'
    """
    return f"{alert_reference(alert_id)}-{delivery_id.hex[:6].upper()}"
