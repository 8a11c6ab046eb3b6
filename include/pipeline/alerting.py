"""Raises the alerts of scored batches and hands over what is due in the outbox."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from include.alerts.channels.base import Channel
from include.alerts.from_scored import alerts_of
from include.alerts.limits import BURST, RUN_SECONDS, Failures, Limits, Pace
from include.alerts.outbox import deliver_due, enqueue_alerts
from include.alerts.routing import Router
from include.alerts.sending import OUT_OF_ORDER_LIMIT, DeliverySummary, MayTell, Writer
from include.cases.case import Status
from include.cases.intake import Intake
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, scored_file
from include.stores.lake.work import Work
from include.stores.ports import AlertStore, OutboxStore

#: Deliveries under way at a time: each waits for Cassandra twice and for the mail server once.
SENDERS = 6


def raise_alerts(
    batches: range,
    ledger: BatchLedger,
    lake: Lake,
    alerts: AlertStore,
    intake: Intake,
    router: Router,
    outbox: OutboxStore,
    foresee: Callable[[], object] = lambda: None,
) -> list[int]:
    """Write the alerts of batches, decide what becomes of them, and enqueue their deliveries, in order.

    Idempotent: alert and delivery ids are derived from the transaction, a decision that stands is not made
    again, and a delivery that exists keeps its state.

    Parameters
    ----------
    foresee
        Called before the alerts of a batch are written, if there are any: there may be something to deliver
        soon. It must return at once.
    """
    done = []
    for batch in batches:
        work = Work(datetime.now(UTC), ledger.arrived_at(batch))
        raised = alerts_of(lake.read_table(scored_file(batch)), batch)
        if raised:
            foresee()
        alerts.put(raised)
        handlings = intake.take(raised)
        told = [alert for alert, handling in zip(raised, handlings, strict=True) if handling.told]
        deliveries = enqueue_alerts(told, router, outbox)
        statuses = Counter(handling.status for handling in handlings)
        counts = {
            "alerts": len(raised),
            "joined": statuses[Status.JOINED],
            "suppressed": statuses[Status.SUPPRESSED],
            "deliveries": deliveries,
        }
        ledger.complete(Stage.ALERTED, batch, counts, work=work)
        done.append(batch)
    return done


def deliver(
    alerts: AlertStore,
    outbox: OutboxStore,
    open_channels: Callable[[], Sequence[Channel]],
    renderer: Writer,
    limits: Limits,
    may_tell: MayTell | None = None,
    seconds: float = RUN_SECONDS,
) -> DeliverySummary:
    """Hand over what is due until nothing is due any more, nothing moves, or the time is over.

    Parameters
    ----------
    seconds
        So long messages are taken up; what a channel's rate leaves over stays due.
    """
    total, pace = DeliverySummary(), Pace(limits.sends_per_second, seconds, burst=BURST)
    failures = Failures(OUT_OF_ORDER_LIMIT)
    while True:
        closed = failures.closed()
        part = deliver_due(
            outbox,
            alerts,
            open_channels,
            _now,
            renderer=renderer,
            senders=SENDERS,
            limits=limits,
            pace=pace,
            may_tell=may_tell,
            failures=failures,
        )
        total.add(part)
        # A channel that has just been found out of order may have hidden the others.
        if not part.moved and failures.closed() == closed:
            # What was skipped and then sent by a later round is not open; the last round knows.
            total.skipped = part.skipped
            return total


def _now() -> datetime:
    return datetime.now(UTC)
