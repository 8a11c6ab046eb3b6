"""The record of a dead letter that was sent again."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from include.transactions.dead_letter import Place

#: So long nobody else sends what somebody has claimed. Longer than the producer tries, see ``resending``.
LEASE = timedelta(minutes=2)


class ResentState(StrEnum):
    """How far it is."""

    CLAIMED = "CLAIMED"  # somebody is about to send it, or died while doing so
    SENT = "SENT"  # the brokers have confirmed it


@dataclass(frozen=True, slots=True)
class Resent:
    """Who sent what again.

    Attributes
    ----------
    place
        Of the dead letter.
    claim_id
        Of this try; a later one that takes it up has another.
    transaction_id, value
        What is sent. A later try sends the very same.
    by, claimed_at
        Who claimed it last, and when.
    sent_at
        When the brokers had confirmed it.
    """

    place: Place
    claim_id: uuid.UUID
    transaction_id: str
    value: bytes
    by: str
    claimed_at: datetime
    state: ResentState = ResentState.CLAIMED
    sent_at: datetime | None = None

    def abandoned(self, now: datetime) -> bool:
        """Whether whoever claimed it must have died before the confirmation."""
        return self.state is ResentState.CLAIMED and now - self.claimed_at >= LEASE
