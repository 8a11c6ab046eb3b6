"""What was sent again, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from threading import Lock

from include.transactions.dead_letter import Place
from include.transactions.resent import Resent, ResentState


class MemoryResentStore:
    """``ResentStore`` in a dictionary."""

    def __init__(self) -> None:
        self._records: dict[Place, Resent] = {}
        self._changing = Lock()

    def claim(self, claim: Resent) -> Resent:
        """Take a dead letter that nobody has taken."""
        with self._changing:
            return self._records.setdefault(claim.place, claim)

    def take_up(self, before: Resent, claim: Resent) -> Resent:
        """Take a claim over, if it still stands."""
        with self._changing:
            return self._change(before, claim)

    def sent(self, claim: Resent, at: datetime) -> Resent:
        """Record the confirmation, if the claim still stands."""
        with self._changing:
            return self._change(claim, replace(claim, state=ResentState.SENT, sent_at=at))

    def get_many(self, places: Sequence[Place]) -> dict[Place, Resent]:
        """Records by place."""
        return {place: self._records[place] for place in places if place in self._records}

    def _change(self, before: Resent, after: Resent) -> Resent:
        there = self._records[before.place]
        if there.claim_id == before.claim_id and there.state is ResentState.CLAIMED:
            self._records[before.place] = there = after
        return there
