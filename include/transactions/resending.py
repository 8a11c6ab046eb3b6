"""Sends dead letters again, corrected, each at most once.

A dead letter is *claimed* by its place (compare-and-set), sent, put on record, and then marked as sent. The claim
holds what is sent, byte for byte.

======================================  ==========================================================
killed ...                              then
======================================  ==========================================================
before the claim                        nothing happened
after the claim, before the brokers     the claim stands, visible to everybody; after ``LEASE`` it can
had it                                  be taken up, and the same text is sent
after the brokers had it, before the    the same: the text may come to the topic a second time, with the
confirmation                            same transaction_id, and the stream drops it as a duplicate
after the confirmation                  the same; when the stream has accepted the transaction by then,
                                        it is not sent again but only marked as sent
======================================  ==========================================================

So a second record can come to the topic, a second transaction cannot; for this the text of a claim never changes. That
nobody takes a claim up which is still at work is a matter of order only: the lease is longer than the producer tries.

The other way round, a correction may bear the transaction_id of another transaction. The stream would refuse it again,
so it is refused here where the stream has seen the id already. Two dead letters corrected to one new id within the
moment it takes to accept the first are both sent: if they say the same the second is a duplicate, else it is a dead
letter once more, and the record of either says SENT.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from include.stores.resend_ports import ResentStore
from include.transactions import json_text
from include.transactions.content import content_digest, says_the_same
from include.transactions.dead_letter import DeadLetter
from include.transactions.errors import ResendRefused
from include.transactions.resent import LEASE, Resent, ResentState
from include.transactions.validation import Parsed, validate

#: The producer gives up after so long; a claim is held longer (``LEASE``).
DELIVERY_SECONDS = 30.0

#: Sends a key and a value to the topic ``transactions`` and returns when the brokers have confirmed it.
Send = Callable[[bytes, bytes], object]
#: Of some transaction ids those that the stream has accepted already, with a digest of what they said: ``content``.
Seen = Callable[[Sequence[str]], Mapping[str, bytes | None]]
#: Notes it in the audit trail; several times the same is one.
Record = Callable[[DeadLetter, Resent], object]


@dataclass(frozen=True, slots=True)
class Checked:
    """What the contract says of a corrected text.

    Attributes
    ----------
    reasons
        What would have it refused again; empty if it can be sent.
    transaction_id, content
        Empty unless it can be sent; the latter is a digest, see ``include.transactions.content``.
    """

    key: bytes | None
    value: bytes
    reasons: tuple[str, ...]
    transaction_id: str = ""
    content: bytes = b""


def check(value: bytes | None, now: datetime, retention: timedelta) -> Checked:
    """Judge a text as the stream would if it arrived now; its key is its account_id.

    Parameters
    ----------
    retention
        How far before its arrival a transaction may have happened.
    """
    document = json_text.read_object(value)
    account = None if isinstance(document, str) else document.get("account_id")
    key = account.encode("utf-8", "replace") if isinstance(account, str) else None
    judged = validate(value, key, now, retention)
    if isinstance(judged, Parsed):
        return Checked(key, value or b"", (), judged.transaction_id, content_digest(judged))
    return Checked(key, value or b"", tuple(judged))


@dataclass(frozen=True, slots=True)
class Resender:
    """Sends dead letters of one topic again.

    Parameters
    ----------
    topic
        Where they came from and go to.
    """

    store: ResentStore
    topic: str
    send: Send
    seen: Seen
    record: Record
    retention: timedelta

    def resend(self, letter: DeadLetter, value: bytes | None, by: str, now: datetime | None = None) -> Resent:
        """Send a dead letter again, with the text it should have had.

        Raises
        ------
        ResendRefused
            It was sent before, somebody is at it, it would be refused again, or it is of another topic.
        DeliveryFailed
            The brokers did not confirm it; it may be taken up after a while.
        """
        at = now or datetime.now(UTC)
        checked = self.check(letter, value, at)
        if checked.reasons:
            raise ResendRefused(
                f"expected a text that keeps the contract, got one that would be refused again: "
                f"{'; '.join(checked.reasons)}; correct it"
            )
        there = self.store.get_many([letter.place]).get(letter.place)
        if there is not None:
            raise self._taken(there, at)
        claim = Resent(letter.place, uuid.uuid4(), checked.transaction_id, checked.value, by, at)
        stands = self.store.claim(claim)
        if stands.claim_id != claim.claim_id:
            raise self._taken(stands, at)
        return self._send(letter, stands)

    def take_up(self, letter: DeadLetter, by: str, now: datetime | None = None) -> Resent:
        """Bring a claim to its end whose process died; it sends what was to be sent then.

        Raises
        ------
        ResendRefused
            Nobody has claimed it, it was sent, or whoever claimed it may still be at it.
        DeliveryFailed
            The brokers did not confirm it; it may be taken up after a while.
        """
        at = now or datetime.now(UTC)
        there = self.store.get_many([letter.place]).get(letter.place)
        if there is None:
            raise ResendRefused(f"expected a claim on {letter.place}, there is none; send it again instead")
        if not there.abandoned(at):
            raise self._taken(there, at)
        claim = replace(there, claim_id=uuid.uuid4(), by=by, claimed_at=at)
        stands = self.store.take_up(there, claim)
        if stands.claim_id != claim.claim_id:
            raise self._taken(stands, at)
        return self._send(letter, stands, again=True)

    def check(self, letter: DeadLetter, value: bytes | None, now: datetime) -> Checked:
        """What would have a corrected text refused, by the stream or because it has the id already.

        Raises
        ------
        ResendRefused
            The dead letter is of another topic.
        """
        if letter.source_topic != self.topic:
            raise ResendRefused(
                f"expected a dead letter of {self.topic}, got one of {letter.source_topic}; a label is corrected by "
                "giving another one, e.g. by deciding the alert again"
            )
        checked = check(value, now, self.retention)
        name = checked.transaction_id
        if not checked.reasons and name in (seen := self.seen([name])):
            known = f"transaction_id: {name} has been accepted already"
            if says_the_same(checked.content, seen[name]):
                return replace(checked, reasons=(f"{known}; this would be a duplicate",))
            return replace(
                checked,
                reasons=(f"{known}, with other content; a payment of its own needs an id of its own",),
            )
        return checked

    def _send(self, letter: DeadLetter, claim: Resent, again: bool = False) -> Resent:
        checked = check(claim.value, claim.claimed_at, self.retention)
        if not (again and self._has_accepted(checked)):
            if checked.key is None or checked.reasons:
                raise ResendRefused(
                    f"expected the claimed text of {letter.place} to keep the contract still, got: "
                    f"{'; '.join(checked.reasons)}; it cannot be sent any more"
                )
            self.send(checked.key, claim.value)
        # On record before it is marked: a record can be written twice, one that is missing cannot be made up for.
        self.record(letter, claim)
        return self.store.sent(claim, datetime.now(UTC))

    def _has_accepted(self, checked: Checked) -> bool:
        """Whether the stream has accepted this very transaction; another one under its id does not count."""
        seen = self.seen([checked.transaction_id]) if checked.transaction_id else {}
        return bool(seen) and says_the_same(checked.content, seen[checked.transaction_id])

    def _taken(self, there: Resent, now: datetime) -> ResendRefused:
        if there.state is ResentState.SENT:
            return ResendRefused(
                f"expected a dead letter that was not sent again, got {there.place}, which {there.by} sent at "
                f"{there.claimed_at:%Y-%m-%d %H:%M:%S} UTC as transaction {there.transaction_id}"
            )
        until = there.claimed_at + LEASE
        wait = f"wait until {until:%H:%M:%S} UTC, then take it up" if now < until else "take it up"
        return ResendRefused(
            f"expected a dead letter that nobody has claimed, got {there.place}, claimed by {there.by} at "
            f"{there.claimed_at:%Y-%m-%d %H:%M:%S} UTC and not confirmed yet; {wait}"
        )
