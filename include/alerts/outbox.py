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
than the longest send; if it is not, the worst is again a second copy under the same Message-ID.

A failure that may pass goes back to PENDING and waits (:class:`include.alerts.backoff.Backoff`, or
longer if the vendor asks for it); a permanent one, or the last one allowed, makes the delivery DEAD,
which is counted, logged and kept. A process that dies while sending uses up attempts too, but twice as
many are allowed, so that crashes alone do not bury a delivery, nor can one crash the sender for ever.
"""

from __future__ import annotations

import logging
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from include.alerts.alert import Alert
from include.alerts.backoff import Backoff
from include.alerts.channels.base import Channel
from include.alerts.delivery import Delivery
from include.alerts.errors import (
    ChannelUnavailable,
    DeliveryFailure,
    PermanentFailure,
    RenderingError,
    TemporaryFailure,
)
from include.alerts.masking import mask_account
from include.alerts.rendering import Renderer
from include.alerts.routing import Router
from include.stores.ports import OutboxStore

log = logging.getLogger(__name__)

#: After so many "out of order" in a row a channel is left alone for the rest of the run.
_OUT_OF_ORDER_LIMIT = 3


class AlertSource(Protocol):
    """The part of the alert store that delivering needs."""

    def get_many(self, alert_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Alert]:
        """Alerts by id; those not stored are left out."""
        ...


@dataclass(slots=True)
class DeliverySummary:
    """What one run of :func:`deliver_due` did."""

    sent: int = 0
    retried: int = 0  # failed for now, to be tried again
    dead: int = 0  # given up
    skipped: int = 0  # left for the next run: claimed by somebody else, or the channel is out of order
    latencies: list[float] = field(
        default_factory=list
    )  # seconds from broker to hand-over, one a message sent

    def add(self, other: DeliverySummary) -> None:
        """Count what another run, or another sender, did as well."""
        self.sent += other.sent
        self.retried += other.retried
        self.dead += other.dead
        self.skipped += other.skipped
        self.latencies += other.latencies


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
    renderer: Renderer | None = None,
    limit: int = 500,
    senders: int = 1,
) -> DeliverySummary:
    """Try every due delivery once, oldest first.

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

    Raises
    ------
    Exception
        Whatever a store raises; a delivery being worked on is due again after its lease.
    """
    due = outbox.due(clock(), limit)
    if not due:
        return DeliverySummary()
    queue = deque(sorted(due, key=lambda d: (d.arrived_at, str(d.delivery_id))))
    known = alerts.get_many([delivery.alert_id for delivery in queue])
    out_of_order: dict[str, int] = {}

    def send() -> DeliverySummary:
        channels = open_channels()
        sender = _Sender(
            outbox,
            known,
            {c.name: c for c in channels},
            clock,
            backoff or Backoff(),
            renderer or Renderer(),
            out_of_order,
        )
        try:
            while (delivery := _next(queue)) is not None:
                sender.deliver(delivery, lease_seconds)
        finally:
            for channel in channels:
                channel.close()
        return sender.summary

    needed = min(senders, len(queue))
    if needed == 1:
        return send()
    summary = DeliverySummary()
    with ThreadPoolExecutor(needed, "sender") as pool:
        for part in [pool.submit(send) for _ in range(needed)]:
            summary.add(part.result())
    return summary


def _next(queue: deque[Delivery]) -> Delivery | None:
    """The next delivery, or None; other senders take from the same queue."""
    try:
        return queue.popleft()
    except IndexError:
        return None


@dataclass(slots=True)
class _Sender:
    """Delivers, one delivery after the other. One that finds a channel out of order leaves it to the next run."""

    outbox: OutboxStore
    alerts: Mapping[uuid.UUID, Alert]
    channels: dict[str, Channel]
    clock: Callable[[], datetime]
    backoff: Backoff
    renderer: Renderer
    out_of_order: dict[str, int]  # in a row, by channel; all senders of a run count together
    summary: DeliverySummary = field(default_factory=DeliverySummary)

    def deliver(self, delivery: Delivery, lease_seconds: float) -> None:
        if self.out_of_order.get(delivery.channel, 0) >= _OUT_OF_ORDER_LIMIT:
            self.summary.skipped += 1
            return
        claimed = self.outbox.claim(delivery, self.clock(), lease_seconds)
        if claimed is None:
            self.summary.skipped += 1
            return
        if claimed.attempts > 2 * self.backoff.max_attempts:
            self._bury(claimed, "the sender died in each of its last tries; look for a crash in its log")
            return
        try:
            provider_id = self._send(claimed)
        except PermanentFailure as failure:
            self.out_of_order.pop(claimed.channel, None)
            self._bury(claimed, str(failure))
        except (TemporaryFailure, RenderingError) as failure:
            self._retry(claimed, failure)
        else:
            handed_over = self.clock()
            self.outbox.delivered(claimed, handed_over, provider_id)
            self.out_of_order.pop(claimed.channel, None)
            self.summary.sent += 1
            self.summary.latencies.append((handed_over - claimed.arrived_at).total_seconds())

    def _send(self, delivery: Delivery) -> str | None:
        channel = self.channels.get(delivery.channel)
        if channel is None:
            raise TemporaryFailure(
                f"expected a channel out of {', '.join(self.channels) or 'none'}, got {delivery.channel!r}; "
                "configure it"
            )
        alert = self.alerts.get(delivery.alert_id)
        if alert is None:
            raise TemporaryFailure(
                f"expected alert {delivery.alert_id} in the alert store, found none; alerts must be put "
                "there before their deliveries are enqueued"
            )
        message = self.renderer.render(alert, delivery)
        log.debug("sending alert %s of account %s", alert.alert_id, mask_account(alert.account_id))
        try:
            return channel.send(message)
        except DeliveryFailure:
            raise
        # A channel that breaks its promise must not keep the other deliveries from being sent.
        except Exception as error:
            log.exception("channel %s failed in a way it does not document", channel.name)
            raise TemporaryFailure(
                f"expected channel {channel.name} to send or to say why not, "
                f"got {type(error).__name__}: {error}; see the log"
            ) from error

    def _retry(self, delivery: Delivery, failure: TemporaryFailure | RenderingError) -> None:
        if isinstance(failure, ChannelUnavailable):
            self.out_of_order[delivery.channel] = self.out_of_order.get(delivery.channel, 0) + 1
        else:
            self.out_of_order.pop(delivery.channel, None)
        if self.backoff.exhausted(delivery.attempts):
            self._bury(delivery, f"given up after {delivery.attempts} attempts: {failure}")
            return
        wait = self.backoff.wait_seconds(delivery.delivery_id, delivery.attempts)
        if isinstance(failure, TemporaryFailure) and failure.retry_after is not None:
            wait = max(wait, failure.retry_after)
        self.outbox.failed(delivery, str(failure), self.clock() + timedelta(seconds=wait))
        self.summary.retried += 1
        log.warning(
            "delivery %s failed, attempt %d, again in %.0f s: %s",
            delivery.delivery_id,
            delivery.attempts,
            wait,
            failure,
        )

    def _bury(self, delivery: Delivery, error: str) -> None:
        self.outbox.dead(delivery, error, self.clock())
        self.summary.dead += 1
        log.error("delivery %s of alert %s is dead: %s", delivery.delivery_id, delivery.alert_id, error)
