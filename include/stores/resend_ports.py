"""The port of what was sent again: what ``include.transactions.resending`` asks of a store.

An in-memory implementation is in ``include.stores.memory.resent``, one on Cassandra in
``include.stores.cassandra.resent``; one contract suite (``tests/contracts/test_resent_store.py``) runs over both.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from include.transactions.dead_letter import Place
from include.transactions.resent import Resent


class ResentStore(Protocol):
    """Which dead letters were sent again; the one place that decides who may send one."""

    def claim(self, claim: Resent) -> Resent:
        """Take a dead letter that nobody has taken (compare-and-set); returns the record that stands then."""
        ...

    def take_up(self, before: Resent, claim: Resent) -> Resent:
        """Take a claim over, if it is still the one of ``before`` and not SENT; returns the record that stands then."""
        ...

    def sent(self, claim: Resent, at: datetime) -> Resent:
        """Record the brokers' confirmation, if the claim still stands; returns the record that stands then."""
        ...

    def get_many(self, places: Sequence[Place]) -> dict[Place, Resent]:
        """Records by place; dead letters that nobody has taken are left out."""
        ...
