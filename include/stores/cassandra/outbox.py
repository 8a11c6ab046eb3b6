"""The outbox: deliveries that change their state by compare-and-set, and are found by hints.

(state, attempts) of a delivery is the version it is in, and never comes twice: PENDING 0, SENDING 1,
PENDING 1, SENDING 2, …; DEAD n may become PENDING n, which it cannot have been before; PENDING 0 may become
DIGESTED 0, the end. Every change names the version it expects.

A hint (see ``outbox_hints``) is written before the PENDING version it is for, and leads to the
SENDING versions that follow it too, so a claim is a single statement. ``due`` drops a hint only when
the delivery is past the version the hint is for, which nothing can undo.

A compare-and-set that timed out may have been applied, at once or even later: it is read back
(SERIAL) and tried again until one of the two is known. If neither can be known, ``StoreUnavailable``
is raised and the lease decides.
"""

from __future__ import annotations

import dataclasses
import logging
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cassandra import ConsistencyLevel
from cassandra.cluster import Session
from cassandra.query import UNSET_VALUE

from include.alerts.delivery import Delivery, DeliveryState, Place, by_age
from include.alerts.limits import SentKey
from include.stores.cassandra.answers import pauses, settle, wait
from include.stores.cassandra.clock import split
from include.stores.cassandra.durability import wait_until_durable
from include.stores.cassandra.errors import CassandraStoreError, StoreUnavailable
from include.stores.cassandra.lookups import by_uuid_keys
from include.stores.cassandra.outbox_digests import OutboxDigests
from include.stores.cassandra.outbox_hints import MINUTE, Hint, OutboxHints
from include.stores.cassandra.outbox_listing import OutboxListing
from include.stores.cassandra.outbox_records import (
    COLUMNS,
    Truth,
    due_from,
    hint_of,
    is_due,
    row_of,
    time_columns,
    truth_from,
)
from include.stores.cassandra.outbox_sent import OutboxSent
from include.stores.cassandra.statements import border, execute, prepare

log = logging.getLogger(__name__)

_INSERT = (
    f"INSERT INTO outbox ({', '.join(COLUMNS)}) VALUES ({', '.join('?' for _ in COLUMNS)}) IF NOT EXISTS"  # noqa: S608 (constants)
)
_READ = f"SELECT {', '.join(COLUMNS)} FROM outbox WHERE delivery_id IN ?"  # noqa: S608 (constants)
_FOLD = (
    f"UPDATE outbox SET state = '{DeliveryState.DIGESTED}', digest_id = ? WHERE delivery_id = ? "  # noqa: S608 (constants)
    f"IF state = '{DeliveryState.PENDING}' AND attempts = 0"
)
_VERSION_COLUMNS = ("state", "attempts", "claim_id")
_VERSION = f"SELECT {', '.join(_VERSION_COLUMNS)} FROM outbox WHERE delivery_id = ?"  # noqa: S608 (constants)
#: Lists of the length asked for that one look goes through at most.
_PASSED_OVER = 40
_STATES = "SELECT state, alert_id FROM outbox"


@dataclass(slots=True)
class _Seen:
    """What a reader of hints came across."""

    without: frozenset[str] = frozenset()
    due: list[Delivery] = field(default_factory=list)
    stale: list[Hint] = field(default_factory=list)
    needed: set[datetime] = field(default_factory=set)  # minutes of hints that are not stale

    def add(self, hint: Hint, truth: Truth | None, now: datetime) -> None:
        if truth is not None and truth.is_past(hint):
            self.stale.append(hint)
            return
        self.needed.add(hint.minute)
        found = truth.delivery if truth and hint == truth.hint else None
        if found and is_due(found, now) and found.channel not in self.without:
            self.due.append(found)


class CassandraOutboxStore:
    """``OutboxStore`` on ``outbox`` and the tables around it, each of which has a module of its own."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._hints = OutboxHints(session)
        self._digests = OutboxDigests(session)
        self._sent = OutboxSent(session)
        self._listing = OutboxListing(session, self.get_many)

    def enqueue(self, deliveries: Sequence[Delivery]) -> None:
        """Add deliveries that are not there yet, the oldest first; one that exists keeps its state.

        Idempotent: hints and the list are nothing but keys, and a delivery is inserted IF NOT EXISTS. Broken
        off, it is to be called again; what it has added by then is found and delivered.
        """
        oldest_first = sorted(deliveries, key=due_from)
        self._hints.write(hint_of(delivery) for delivery in oldest_first)
        self._listing.write(oldest_first)
        statement = prepare(self._session, _INSERT, idempotent=False)
        # Applied or not, the delivery is there; only a missing answer leaves that open.
        calls = [(statement, row_of(delivery)) for delivery in oldest_first]
        settle(self._session, calls, "enqueuing deliveries")
        # Alerts are put before their deliveries: with these they are safe as well.
        wait_until_durable(self._session)

    def due(self, now: datetime, limit: int = 500, without: Collection[str] = ()) -> list[Delivery]:
        """Deliveries that may be claimed, those due longest first.

        A single read when nothing is open. Stale hints met on the way are removed, and minutes that are over and empty
        closed, when there is nothing more urgent to do. Behind those passed over it looks as far as ``_PASSED_OVER``.
        """
        until, _ = split(now)
        minutes = self._hints.minutes(until)
        seen = _Seen(frozenset(without))
        for number, hints in enumerate(self._hints.read(minutes, until, max(limit, 1))):
            truths = self._truths([hint.delivery_id for hint in hints])
            for hint in hints:
                seen.add(hint, truths.get(hint.delivery_id), now)
            if len(seen.due) >= limit or number >= _PASSED_OVER:
                break
        self._tidy(seen, [m for m in minutes if m + MINUTE <= until and m not in seen.needed])
        return sorted(seen.due, key=lambda delivery: (due_from(delivery), delivery.delivery_id))[:limit]

    def claim(self, delivery: Delivery, now: datetime, lease_seconds: float) -> Delivery | None:
        """Take a due delivery; None if somebody else has it. See ``OutboxStore.claim``."""
        if not is_due(delivery, now):
            return None
        until = now + timedelta(seconds=lease_seconds)
        goal = {
            "state": DeliveryState.SENDING.value,
            "attempts": delivery.attempts + 1,
            "claim_id": uuid.uuid4(),
        }
        changes = {"due_at": split(until)[0], **time_columns("next_attempt_at", until)}
        if not self._change(delivery, goal, changes, due_by=split(now)[0]):
            return None
        return dataclasses.replace(
            delivery, state=DeliveryState.SENDING, attempts=delivery.attempts + 1, next_attempt_at=until
        )

    def delivered(self, delivery: Delivery, at: datetime, provider_id: str | None) -> None:
        """Record that the vendor has taken the message over; dropped if the claim has been lost."""
        changes = {**time_columns("delivered_at", at), "provider_id": provider_id}
        self._finish(delivery, DeliveryState.DELIVERED, changes)

    def failed(self, delivery: Delivery, error: str, next_attempt_at: datetime) -> None:
        """Record a failed attempt that is to be repeated; dropped if the claim has been lost."""
        changes = {"last_error": error, **self._due_again(delivery, next_attempt_at)}
        self._finish(delivery, DeliveryState.PENDING, changes)

    def dead(self, delivery: Delivery, error: str, at: datetime) -> None:
        """Give up on a delivery; dropped if the claim has been lost."""
        self._finish(delivery, DeliveryState.DEAD, {"last_error": error, "dead_at": split(at)[0]})

    def dead_again(self, delivery: Delivery, at: datetime) -> bool:
        """Send a DEAD delivery again; False if it is not DEAD in the version given."""
        if delivery.state is not DeliveryState.DEAD:
            return False
        goal = {"state": DeliveryState.PENDING.value, "attempts": delivery.attempts}
        changes = {"forgiven": delivery.attempts, **self._due_again(delivery, at)}
        return self._change(delivery, goal, changes)

    def add_to_digest(
        self, digest_id: uuid.UUID, part: uuid.UUID, candidates: Sequence[uuid.UUID], at_most: int
    ) -> bool:
        """Note deliveries a digest may tell of; idempotent by ``part``. See ``OutboxStore.add_to_digest``."""
        return self._digests.add(digest_id, part, candidates, at_most)

    def seal_digest(self, digest_id: uuid.UUID) -> list[uuid.UUID]:
        """Let nothing more be added to a digest, and return its candidates."""
        return self._digests.seal(digest_id)

    def fold(self, delivery_ids: Sequence[uuid.UUID], digest_id: uuid.UUID) -> int:
        """Bring those that are PENDING with 0 attempts to DIGESTED; the others stay as they are.

        A compare-and-set that was answered leaves no earlier try of it behind that could still be applied.
        """
        statement = prepare(self._session, _FOLD, idempotent=False)
        calls = [(statement, (digest_id, key)) for key in dict.fromkeys(delivery_ids)]
        return sum(settle(self._session, calls, f"folding deliveries into digest {digest_id}"))

    def digest_members(self, digest_id: uuid.UUID) -> list[Delivery]:
        """Deliveries that are DIGESTED under ``digest_id``, oldest first."""
        found = self.get_many(self._digests.candidates(digest_id)).values()
        return sorted((one for one in found if one.digest_id == digest_id), key=by_age)

    def note_sent(self, run_id: uuid.UUID, sent: Mapping[SentKey, int]) -> None:
        """Record what a run has sent; addressed by the run, so again changes nothing."""
        self._sent.note(run_id, sent)

    def sent_lately(self, now: datetime) -> dict[SentKey, int]:
        """What all runs have sent in the minute of ``now`` and in the one before."""
        return self._sent.lately(now)

    def of_alert(self, alert_id: uuid.UUID) -> list[Delivery]:
        """Deliveries of one alert, by the moment they were made and by id."""
        return self._listing.of_alert(alert_id)

    def recent(
        self,
        limit: int,
        state: DeliveryState | None = None,
        channel: str | None = None,
        after: Place | None = None,
    ) -> list[Delivery]:
        """Deliveries, the newest first; see ``OutboxStore.recent``."""
        return self._listing.recent(limit, state, channel, after)

    def get_many(self, delivery_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Delivery]:
        """Deliveries by id; those not stored are left out."""
        truths = self._truths(delivery_ids)
        return {key: truth.delivery for key, truth in truths.items() if truth.delivery is not None}

    def counts(self) -> dict[DeliveryState, int]:
        """Number of deliveries in each state. Reads the whole of ``outbox``: for reports and tests."""
        statement = prepare(self._session, _STATES)
        with border("counting deliveries"):
            rows = self._session.execute(statement, timeout=None)
            counter = Counter(state for state, alert_id in rows if alert_id is not None)
        return {state: counter[state.value] for state in DeliveryState}

    def _truths(self, delivery_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Truth]:
        distinct = list(dict.fromkeys(delivery_ids))
        rows = by_uuid_keys(self._session, _READ, distinct, doing="reading deliveries")
        return {row[0]: truth_from(row) for row in rows}

    def _tidy(self, seen: _Seen, over: Sequence[datetime]) -> None:
        """Remove what is stale once it outweighs what is due; close minutes once nothing is."""
        try:
            if len(seen.stale) > len(seen.due):
                self._hints.remove(seen.stale)
            if not seen.due:
                self._hints.close(over)
        except CassandraStoreError as error:
            log.warning("the outbox could not be tidied, which the next reader will do: %s", error)

    def _due_again(self, delivery: Delivery, at: datetime) -> dict[str, Any]:
        """Write the hint that leads to a delivery which is about to be PENDING, and return what to change."""
        hint = Hint(split(at)[0], delivery.delivery_id, delivery.attempts)
        self._hints.write([hint])
        return {
            **time_columns("next_attempt_at", at),
            "due_at": hint.due_at,
            "hint_at": hint.due_at,
            "hint_attempts": hint.attempts,
        }

    def _finish(self, delivery: Delivery, state: DeliveryState, changes: Mapping[str, Any]) -> None:
        held = dataclasses.replace(delivery, state=DeliveryState.SENDING)
        if not self._change(held, {"state": state.value, "attempts": delivery.attempts}, changes):
            log.warning(
                "delivery %s: attempt %d ended as %s after its claim had been lost; what became of the "
                "delivery since then stands. If this comes often, raise the lease.",
                delivery.delivery_id,
                delivery.attempts,
                state,
            )

    def _change(
        self,
        before: Delivery,
        goal: Mapping[str, Any],
        changes: Mapping[str, Any],
        due_by: datetime | None = None,
    ) -> bool:
        """Bring a delivery from the version of ``before`` to ``goal``; False if it is in another by now.

        Parameters
        ----------
        goal
            New values that, read back, can only come from this very change.
        changes
            Further new values.
        due_by
            Only if it has been due since then.
        """
        new = {**goal, **changes}
        condition = "state = ? AND attempts = ?" + (" AND due_at <= ?" if due_by else "")
        assignments = ", ".join(f"{name} = ?" for name in new)
        cql = f"UPDATE outbox SET {assignments} WHERE delivery_id = ? IF {condition}"  # noqa: S608 (our names)
        statement = prepare(self._session, cql, idempotent=False)
        values = [UNSET_VALUE if value is None else value for value in new.values()]
        values += [before.delivery_id, before.state.value, before.attempts, *([due_by] if due_by else [])]
        doing = f"bringing delivery {before.delivery_id} to {goal['state']}"
        uncertain = False
        left = pauses()
        while True:
            try:
                if uncertain and self._reached(before.delivery_id, goal):
                    return True
                if execute(self._session, statement, values, doing)[0][0]:
                    return True
                return uncertain and self._reached(before.delivery_id, goal)
            except StoreUnavailable as error:
                wait(left, error)
                uncertain = True

    def _reached(self, delivery_id: uuid.UUID, goal: Mapping[str, Any]) -> bool:
        """Whether a change whose answer did not come has been applied."""
        statement = prepare(self._session, _VERSION).bind((delivery_id,))
        statement.consistency_level = ConsistencyLevel.LOCAL_SERIAL
        rows = execute(self._session, statement, doing=f"reading back delivery {delivery_id}")
        return any(goal.items() <= dict(zip(_VERSION_COLUMNS, row, strict=True)).items() for row in rows)
