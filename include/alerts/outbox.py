"""The outbox: every alert reaches its recipients, none of them twice.

Two steps, each of which may be killed at any point and run again.

``enqueue_alerts``: an alert's deliveries have ids derived from alert, channel and recipient, and the
store keeps a delivery that is already there, whatever its state. The alerts have to be in the alert
store *before* their deliveries are enqueued.

==================================  ================================================================
killed ...                          on the next run
==================================  ================================================================
before or while enqueuing           the batch is not marked as done: it is enqueued again; those that
                                    are there already stay as they are
after it, before the batch is done  the same; nothing changes
==================================  ================================================================

``deliver_due``: claim, render, send, record, one delivery after the other; several senders may share the work.

==================================  ================================================================
killed ...                          on the next run
==================================  ================================================================
before the claim                    still due: delivered
after the claim, before the send    claimed until its lease ends, then due again: delivered
while sending, or after the vendor  claimed until its lease ends, then **sent again** under the same
took it and before the record       Message-ID. The vendor's answer died with the process, so nobody
                                    can know better; the receiver drops the second copy, as it has
                                    the Message-ID already
after the record                    final: never sent again
==================================  ================================================================

So the hand-over is at least once and the mailbox exactly once, by Message-ID. The lease must be longer
than the longest send; if it is not, the worst is again a second copy under the same Message-ID. A channel
whose receivers drop no copies asks its vendor first, from the second attempt on.

In a storm some alerts go into digests; :mod:`include.alerts.storm` says what a crash does to these.

A failure that may pass goes back to PENDING and waits (:class:`include.alerts.backoff.Backoff`, or
longer if the vendor asks for it); a permanent one, or the last one allowed, makes the delivery DEAD,
which is counted, logged and kept. A process that dies while sending uses up attempts too, but twice as
many are allowed, so that crashes alone do not bury a delivery, nor can one crash the sender for ever. One
that a person sends again has as many tries as a new one.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from include.alerts.alert import Alert
from include.alerts.backoff import Backoff
from include.alerts.channels.base import Channel
from include.alerts.delivery import DIGEST, Delivery
from include.alerts.limits import Failures, Limits, Pace, SentKey, WorkQueue
from include.alerts.rendering import Renderer
from include.alerts.routing import Router
from include.alerts.sending import OUT_OF_ORDER_LIMIT, AlertSource, DeliverySummary, MayTell, Sender, Writer
from include.alerts.storm import hold_back
from include.stores.ports import OutboxStore

__all__ = ["AlertSource", "DeliverySummary", "deliver_due", "enqueue_alerts"]


def enqueue_alerts(alerts: Sequence[Alert], router: Router, outbox: OutboxStore) -> int:
    """Enqueue the deliveries of ``alerts``; again changes nothing, as ids are derived and kept.

    Returns
    -------
    int
        Deliveries the alerts have, new or not.
    """
    deliveries = router.deliveries_of_all(alerts)
    if deliveries:
        outbox.enqueue(deliveries)
    return len(deliveries)


def deliver_due(
    outbox: OutboxStore,
    alerts: AlertSource,
    open_channels: Callable[[], Sequence[Channel]],
    clock: Callable[[], datetime],
    lease_seconds: float = 120.0,
    backoff: Backoff | None = None,
    *,
    renderer: Writer | None = None,
    limit: int = 500,
    senders: int = 1,
    limits: Limits | None = None,
    pace: Pace | None = None,
    may_tell: MayTell | None = None,
    failures: Failures | None = None,
) -> DeliverySummary:
    """Try every due delivery once, oldest first; in a storm, some go into a digest instead.

    Of a channel that has the whole list to itself those behind it do not wait: a second look goes past it.

    Parameters
    ----------
    outbox, alerts
        The stores; with more than one sender they must bear calls from several threads.
    open_channels
        Makes the channels in use, found by their names: once for each sender, which closes its own.
    clock
        Tells the time, in UTC with an offset.
    lease_seconds
        How long a claim holds: longer than the longest send.
    backoff
        Waits and the number of attempts.
    renderer
        Writes the messages.
    limit
        Most deliveries to try in this run.
    senders
        Threads that take deliveries from one queue. A delivery is mostly waiting, for the store's agreement on
        the claim and for the vendor.
    limits
        When a storm begins, and how fast the channels are; those of :class:`Limits` by default.
    pace
        To be shared by runs that follow each other, so that they keep to the limits a second and to the time
        a run may take together; one of its own by default.
    may_tell
        When a customer may be told of an alert; asked before each try, for one that was held back where it was made
        may be late. None lets it fall into quiet hours.
    failures
        To be shared by runs that follow each other: a channel that was out of order in one is left alone in the next.

    Raises
    ------
    Exception
        Whatever a store raises; a delivery being worked on is due again after its lease.
    """
    limits = limits or Limits()
    pace = pace or Pace(limits.sends_per_second)
    failures = failures or Failures(OUT_OF_ORDER_LIMIT)
    due = _due(outbox, clock(), limit, failures)
    if not due:
        return DeliverySummary()
    known = alerts.get_many([delivery.alert_id for delivery in due if delivery.audience != DIGEST])
    alone, digested = hold_back(due, known, outbox, limits, clock())
    senders = min(senders, len(alone))
    queue = WorkQueue(sorted(alone, key=lambda d: (d.arrived_at, str(d.delivery_id))), pace, senders)

    def send() -> Sender:
        channels = open_channels()
        sender = Sender(
            outbox,
            alerts,
            known,
            {c.name: c for c in channels},
            clock,
            backoff or Backoff(),
            renderer or Renderer(),
            failures,
            may_tell,
        )
        try:
            while (delivery := queue.take(failures.out_of_order, failures.suspected)) is not None:
                try:
                    sender.deliver(delivery, lease_seconds)
                finally:
                    queue.done(delivery)
        finally:
            for channel in channels:
                channel.close()
        return sender

    done = _run(send, senders)
    summary = DeliverySummary(digested=digested, skipped=queue.left_over)
    tried: Counter[SentKey] = Counter()
    for sender in done:
        summary.add(sender.summary)
        tried.update(sender.tried)
    if tried:
        outbox.note_sent(uuid.uuid4(), tried)
    return summary


def _due(outbox: OutboxStore, now: datetime, limit: int, failures: Failures) -> list[Delivery]:
    closed = failures.closed()
    due = outbox.due(now, limit, closed)
    if len(due) < limit:
        return due
    crowded = {name for name, count in Counter(one.channel for one in due).items() if count > limit // 2}
    return due + outbox.due(now, limit, closed | crowded) if crowded else due


def _run(send: Callable[[], Sender], senders: int) -> list[Sender]:
    """What every sender did; in threads if there are several."""
    if senders <= 1:
        return [send() for _ in range(senders)]
    with ThreadPoolExecutor(senders, "sender") as pool:
        return [part.result() for part in [pool.submit(send) for _ in range(senders)]]
