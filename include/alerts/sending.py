"""One sender of a run: claims, writes, hands over and records, one delivery after the other."""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from include.alerts.alert import Alert
from include.alerts.backoff import Backoff
from include.alerts.channels.base import Channel
from include.alerts.delivery import CUSTOMER, DIGEST, ESCALATION, STAFF, Delivery
from include.alerts.errors import (
    BrokenPromise,
    ChannelUnavailable,
    DeliveryFailure,
    OutcomeUnknown,
    PermanentFailure,
    RenderingError,
    TemporaryFailure,
)
from include.alerts.limits import Failures, SentKey, minute_of
from include.alerts.masking import mask_account
from include.alerts.message import Message
from include.alerts.storm import LIMITED
from include.stores.ports import OutboxStore

log = logging.getLogger(__name__)

#: After so many "out of order" or "no answer" in a row a channel is left alone for the rest of the run.
OUT_OF_ORDER_LIMIT = 3
#: The vendor's id of a digest that had nothing to tell, so no vendor has seen it.
EMPTY = "empty"


class AlertSource(Protocol):
    """The part of the alert store that delivering needs."""

    def get_many(self, alert_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Alert]:
        """Alerts by id; those not stored are left out."""
        ...


class Writer(Protocol):
    """Writes messages; see :class:`include.alerts.rendering.Renderer`."""

    def render(self, alert: Alert, delivery: Delivery) -> Message:
        """Write the message of ``delivery`` about ``alert``."""
        ...

    def render_digest(
        self, alerts: Sequence[Alert], delivery: Delivery, *, escalated: bool = False
    ) -> Message:
        """Write a digest of ``alerts``, or of their escalations."""
        ...


#: When a customer may be told of an alert, at a given moment or later; None: not at all any more.
MayTell = Callable[[Alert, Delivery, datetime], datetime | None]
#: What was decided about the first try of a message holds for so long.
_DECIDED_FOR = timedelta(minutes=1)


@dataclass(slots=True)
class DeliverySummary:
    """What one run of :func:`include.alerts.outbox.deliver_due` did."""

    sent: int = 0
    retried: int = 0  # failed for now, to be tried again
    dead: int = 0  # given up
    skipped: int = 0  # left for the next run: claimed by somebody else, channel out of order, no time left
    digested: int = 0  # to be told of in a digest instead
    latencies: list[float] = field(
        default_factory=list
    )  # seconds from broker to hand-over, one a message that was not held back on purpose

    def add(self, other: DeliverySummary) -> None:
        """Count what another run, or another sender, did as well."""
        self.sent += other.sent
        self.retried += other.retried
        self.dead += other.dead
        self.skipped += other.skipped
        self.digested += other.digested
        self.latencies += other.latencies

    @property
    def moved(self) -> int:
        """Deliveries that are no longer due because of this run; while it is not 0, another run may find more."""
        return self.sent + self.digested


@dataclass(slots=True)
class Sender:
    """Delivers, one delivery after the other. One that finds a channel out of order leaves it to the next run."""

    outbox: OutboxStore
    source: AlertSource
    alerts: Mapping[uuid.UUID, Alert]  # of the deliveries of this run, digests excepted
    channels: dict[str, Channel]
    clock: Callable[[], datetime]
    backoff: Backoff
    renderer: Writer
    failures: Failures
    may_tell: MayTell | None = None
    summary: DeliverySummary = field(default_factory=DeliverySummary)
    tried: Counter[SentKey] = field(default_factory=Counter)  # messages to staff, each the first time

    def deliver(self, delivery: Delivery, lease_seconds: float) -> None:
        """Try one delivery once.

        Raises
        ------
        Exception
            Whatever a store raises.
        """
        claimed = self.outbox.claim(delivery, self.clock(), lease_seconds)
        if claimed is None:
            self.summary.skipped += 1
            return
        if claimed.audience in LIMITED and claimed.attempts == 1:
            self.tried[SentKey(minute_of(self.clock()), claimed.channel, claimed.recipient)] += 1
        if self.backoff.died_too_often(claimed.tries, ever_failed=claimed.last_error is not None):
            self._bury(claimed, "the sender died in each of its last tries; look for a crash in its log")
            return
        if self._is_late(delivery) and not self._may_tell_now(claimed):
            return
        try:
            provider_id = self._send(claimed)
        except PermanentFailure as failure:
            self.failures.over(claimed.channel)
            self._bury(claimed, str(failure))
        except (TemporaryFailure, RenderingError) as failure:
            self._retry(claimed, failure)
        else:
            self._record(delivery, claimed, provider_id)

    def _is_late(self, due: Delivery) -> bool:
        return self.clock() - (due.next_attempt_at or due.created_at) > _DECIDED_FOR

    def _may_tell_now(self, claimed: Delivery) -> bool:
        """Whether a customer may be told after an outage, a night in the queue, or by hand; if not, it is put off."""
        now = self.clock()
        at = self._allowed(claimed, now)
        if at is None:
            self._bury(claimed, f"the customer does not consent to {claimed.channel} any more")
        elif at > now:
            self.outbox.failed(claimed, "held back: quiet hours of the customer", at)
            self.summary.skipped += 1
        return at is not None and at <= now

    def _allowed(self, delivery: Delivery, at: datetime) -> datetime | None:
        alert = self.alerts.get(delivery.alert_id)
        if delivery.audience != CUSTOMER or self.may_tell is None or alert is None:
            return at
        return self.may_tell(alert, delivery, at)

    def _record(self, due: Delivery, claimed: Delivery, provider_id: str | None) -> None:
        handed_over = self.clock()
        self.outbox.delivered(claimed, handed_over, provider_id)
        if claimed.audience == DIGEST and provider_id == EMPTY:
            return
        self.failures.over(claimed.channel)
        self.summary.sent += 1
        if claimed.audience in (STAFF, CUSTOMER) and not due.is_held:
            self.summary.latencies.append((handed_over - claimed.arrived_at).total_seconds())

    def _send(self, delivery: Delivery) -> str | None:
        channel = self.channels.get(delivery.channel)
        if channel is None:
            raise TemporaryFailure(
                f"expected a channel out of {', '.join(self.channels) or 'none'}, got {delivery.channel!r}; "
                "configure it"
            )
        if delivery.audience == DIGEST:
            members = self._members(delivery)
            if not members:
                return EMPTY
            stored = self.source.get_many([member.alert_id for member in members])
            # One that is not kept any more was erased since: the others are told all the same.
            alerts = [stored[member.alert_id] for member in members if member.alert_id in stored]
            if not alerts:
                return EMPTY
            escalated = all(member.audience == ESCALATION for member in members)
            message = self.renderer.render_digest(alerts, delivery, escalated=escalated)
            log.debug("sending a digest of %d alerts", len(alerts))
        else:
            alert = _found(self.alerts, delivery.alert_id)
            message = self.renderer.render(alert, delivery)
            log.debug("sending alert %s of account %s", alert.alert_id, mask_account(alert.account_id))
        try:
            return channel.send(message, delivery.attempts)
        except DeliveryFailure:
            raise
        # A channel that breaks its promise must not keep the other deliveries from being sent.
        except Exception as error:
            log.exception("channel %s failed in a way it does not document", channel.name)
            raise BrokenPromise(
                f"expected channel {channel.name} to send or to say why not, "
                f"got {type(error).__name__}: {error}; see the log"
            ) from error

    def _members(self, digest: Delivery) -> list[Delivery]:
        """The deliveries a digest stands for, the same at every try; see :mod:`include.alerts.storm`."""
        candidates = self.outbox.seal_digest(digest.alert_id)
        self.outbox.fold(candidates, digest.alert_id)
        return self.outbox.digest_members(digest.alert_id)

    def _retry(self, delivery: Delivery, failure: TemporaryFailure | RenderingError) -> None:
        if isinstance(failure, TemporaryFailure) and failure.retry_after:
            self.failures.close(delivery.channel)  # the vendor has said so
        elif isinstance(failure, ChannelUnavailable | OutcomeUnknown):
            self.failures.again(delivery.channel)
        else:
            self.failures.over(delivery.channel)
        unwritten = isinstance(failure, RenderingError)
        doubtful = unwritten or isinstance(failure, OutcomeUnknown | BrokenPromise)
        if self.backoff.exhausted(delivery.tries, refused=not doubtful, unwritten=unwritten):
            self._bury(delivery, f"given up after {delivery.tries} attempts: {failure}")
            return
        wait = self.backoff.wait_seconds(delivery.delivery_id, delivery.tries)
        if isinstance(failure, TemporaryFailure) and failure.retry_after is not None:
            wait = max(wait, failure.retry_after)
        again_at = self.clock() + timedelta(seconds=wait)
        again_at = self._allowed(delivery, again_at) or again_at
        self.outbox.failed(delivery, str(failure), again_at)
        self.summary.retried += 1
        log.warning(
            "delivery %s failed, attempt %d, again at %s: %s",
            delivery.delivery_id,
            delivery.attempts,
            again_at.isoformat(timespec="seconds"),
            failure,
        )

    def _bury(self, delivery: Delivery, error: str) -> None:
        self.outbox.dead(delivery, error, self.clock())
        self.summary.dead += 1
        log.error("delivery %s of alert %s is dead: %s", delivery.delivery_id, delivery.alert_id, error)


def _found(alerts: Mapping[uuid.UUID, Alert], alert_id: uuid.UUID) -> Alert:
    alert = alerts.get(alert_id)
    if alert is None:
        raise TemporaryFailure(
            f"expected alert {alert_id} in the alert store, found none; alerts must be put "
            "there before their deliveries are enqueued"
        )
    return alert
