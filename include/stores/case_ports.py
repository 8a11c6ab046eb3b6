"""The ports of casework: what ``include.cases`` asks of a store.

Every port has an in-memory implementation in ``include.stores.memory.cases`` and one on Cassandra; one contract
suite (``tests/contracts/test_case_store.py``) runs over both.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from include.cases.case import Case, CaseEvent
from include.cases.handling import Handling, Leader
from include.cases.queue import QueueCount, QueueEntry, QueuePage, QueueQuery
from include.cases.suppressions import Suppression


class CaseStore(Protocol):
    """Events of cases, and which of them are not finished: what is derived from them may be missing."""

    def cases(self, alert_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Case]:
        """Each case as its newest event left it; those nothing was done about are left out."""
        ...

    def append(self, events: Sequence[CaseEvent]) -> list[bool]:
        """Add events as unfinished, each if nobody has taken its number (compare-and-set); returns which stand."""
        ...

    def history(self, alert_id: uuid.UUID) -> list[CaseEvent]:
        """All events of a case, oldest first."""
        ...

    def finish(self, events: Sequence[CaseEvent]) -> None:
        """Note that everything derived from these events is written; again changes nothing."""
        ...

    def unfinished(self, before: datetime, limit: int = 500) -> list[CaseEvent]:
        """Events from before a time that are not finished, oldest first."""
        ...


class HandlingStore(Protocol):
    """What was decided about new alerts, and which alert of an account leads."""

    def handlings(self, alert_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Handling]:
        """Decisions by alert; those not decided yet are left out."""
        ...

    def leaders(self, account_ids: Sequence[str]) -> dict[str, Leader]:
        """The newest leader of each account that has one."""
        ...

    def decide(self, handlings: Sequence[Handling], leaders: Sequence[Leader]) -> None:
        """Keep decisions and new leaders; the same again changes nothing, an older leader replaces no newer one."""
        ...

    def repeats(self, leader_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[uuid.UUID]]:
        """Alerts that were joined to each leader; leaders without any are left out."""
        ...


class QueueStore(Protocol):
    """The queue of alerts."""

    def put(self, entries: Sequence[QueueEntry]) -> None:
        """Write rows. One written with an older ``changed_at`` than the row has changes nothing."""
        ...

    def page(self, query: QueueQuery) -> QueuePage:
        """Rows that answer a question, in its order.

        Raises
        ------
        QueryRefused
            A cursor that is none.
        """
        ...

    def counts(self, since: datetime, until: datetime) -> list[QueueCount]:
        """How many alerts raised in [since, until) stand where. Reads them all: ask now and then."""
        ...


class SuppressionStore(Protocol):
    """Snoozes of accounts, counterparties, rules and typologies."""

    def put(self, suppression: Suppression) -> None:
        """Add or replace one by its id."""
        ...

    def all(self) -> list[Suppression]:
        """All that are kept, the newest first."""
        ...
