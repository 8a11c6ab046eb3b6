"""A storm of alerts: what a group cannot read one by one is told in a digest.

When more than ``alerts_per_minute`` deliveries that have never been tried go to one group on one channel,
escalations first and then the gravest are sent on their own and the rest is folded into a digest. Customers
are never held back. A group gets one digest a window of ``digest_every``, due at its end, and one of
escalations if there are too many of those: an alert may be told of in both.

A digest is a delivery like any other, with an id derived from channel, recipient and window, and a list of
candidates beside it, which grows until it is sealed. Being a candidate decides nothing: a delivery is told
of in the digest if and only if it is DIGESTED under the digest's id, and it gets there from PENDING with
0 attempts by compare-and-set, which a claim of the same delivery excludes.

==================================  ================================================================
killed ...                          on the next run
==================================  ================================================================
before the digest is enqueued       the deliveries are due as before
after it, before any candidate      the digest comes due, tells of nothing and is closed without a message
is noted                            ("empty"); the deliveries are due as before
after that, before or while         those folded are told of in the digest; those not folded are due: they
they are folded                     are sent, folded by that run, or folded by the digest when it is sent
digest claimed, before it is        its lease ends, it is due again and seals then; candidates may still be
sealed                              added until then
sealed, before or while folding     the candidates stay the same; those still PENDING with 0 attempts are
the remaining candidates            folded by the next try, or have been sent on their own by then
all folded, before, while or        sent (again) under the same Message-ID, with the very same alerts: no
after sending, before the record    candidate is PENDING with 0 attempts any more, and none ever will be
after the record                    final
==================================  ================================================================

Sealing is what makes the last but one true: nobody can fold under a digest what is not among its
candidates, and after the first try these are settled.

How many went to a group lately is known from what every run has noted when it ended, so runs at the same
time do not see each other and may exceed the limit together; they lose nothing by it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from include.alerts.alert import NAMESPACE, Alert
from include.alerts.delivery import DIGEST, ESCALATION, STAFF, Delivery, DeliveryState, delivery_id_for
from include.alerts.limits import Limits, SentKey, minute_of
from include.stores.ports import OutboxStore

#: Most alerts one digest tells of; more go into another one of the same window.
CAP = 5_000

#: Audiences whose messages are counted and, in a storm, held back.
LIMITED = (STAFF, ESCALATION)

_PENDING = DeliveryState.PENDING
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


def hold_back(
    due: Sequence[Delivery],
    alerts: Mapping[uuid.UUID, Alert],
    outbox: OutboxStore,
    limits: Limits,
    now: datetime,
) -> tuple[list[Delivery], int]:
    """Fold into digests what goes beyond the limit.

    Costs one read if staff are to be told of anything new, and nothing more unless there is a storm.

    Returns
    -------
    list of Delivery
        Those to send on their own.
    int
        How many were folded.
    """
    new = [one for one in due if one.audience in LIMITED and (one.state, one.attempts) == (_PENDING, 0)]
    if not new:
        return list(due), 0
    sent = outbox.sent_lately(now)
    held: set[uuid.UUID] = set()
    folded = 0
    for (channel, recipient), group in _by_line(new).items():
        allowed = max(0, int(limits.alerts_per_minute - in_last_minute(sent, channel, recipient, now)))
        rest = sorted(group, key=lambda one: _gravest_first(one, alerts))[allowed:]
        for audience in LIMITED:
            for some in _parts([one for one in rest if one.audience == audience]):
                folded += _into_digest(some, outbox, limits.digest_every, now)
        held.update(one.delivery_id for one in rest)
    return [one for one in due if one.delivery_id not in held], folded


def in_last_minute(sent: Mapping[SentKey, int], channel: str, recipient: str, now: datetime) -> float:
    """About how many went out in the last 60 seconds: this minute, and the share of the one before."""
    minute = minute_of(now)
    share = 1.0 - (now - minute) / _MINUTE
    before = sent.get(SentKey(minute - _MINUTE, channel, recipient), 0)
    return sent.get(SentKey(minute, channel, recipient), 0) + share * before


def digest_for(example: Delivery, every: timedelta, now: datetime, number: int) -> Delivery:
    """The digest of the window of ``now`` for the recipient of ``example``, of alerts or of escalations as it is.

    Parameters
    ----------
    number
        0, or more if those before are full or sealed.
    """
    begins = now - (now - _EPOCH) % every
    of = "digest" if example.audience == STAFF else f"digest of {example.audience}"
    digest_id = uuid.uuid5(
        NAMESPACE, f"{of}:{example.channel}:{example.recipient}:{begins.isoformat()}:{number}"
    )
    return Delivery(
        delivery_id=delivery_id_for(digest_id, example.channel, example.recipient, DIGEST),
        alert_id=digest_id,
        channel=example.channel,
        recipient=example.recipient,
        audience=DIGEST,
        language=example.language,
        created_at=begins,
        arrived_at=begins,
        next_attempt_at=begins + every,
    )


def _into_digest(some: Sequence[Delivery], outbox: OutboxStore, every: timedelta, now: datetime) -> int:
    ids = [one.delivery_id for one in some]
    part = uuid.uuid4()
    number = 0
    while True:
        digest = digest_for(some[0], every, now, number)
        outbox.enqueue([digest])
        if outbox.add_to_digest(digest.alert_id, part, ids, CAP):
            return outbox.fold(ids, digest.alert_id)
        number += 1


def _by_line(deliveries: Iterable[Delivery]) -> dict[tuple[str, str], list[Delivery]]:
    found: dict[tuple[str, str], list[Delivery]] = {}
    for one in deliveries:
        found.setdefault((one.channel, one.recipient), []).append(one)
    return found


def _gravest_first(one: Delivery, alerts: Mapping[uuid.UUID, Alert]) -> tuple[bool, int, datetime, uuid.UUID]:
    alert = alerts.get(one.alert_id)
    # One whose alert is missing would only make a digest fail.
    rank = alert.severity.rank if alert else 99
    return one.audience != ESCALATION, -rank, one.arrived_at, one.delivery_id


def _parts(rest: Sequence[Delivery]) -> Iterable[Sequence[Delivery]]:
    return (rest[start : start + CAP] for start in range(0, len(rest), CAP))
