"""Raises the alerts of scored batches and hands over what is due in the outbox."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from include.alerts.channels.base import Channel
from include.alerts.from_scored import alerts_of
from include.alerts.outbox import DeliverySummary, deliver_due, enqueue_alerts
from include.alerts.routing import Router
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, scored_file
from include.stores.ports import AlertStore, OutboxStore

#: Deliveries under way at a time: each waits for Cassandra twice and for the mail server once.
SENDERS = 6


def raise_alerts(
    batches: range, ledger: BatchLedger, lake: Lake, alerts: AlertStore, router: Router, outbox: OutboxStore
) -> list[int]:
    """Write the alerts of batches and enqueue their deliveries, in order.

    Idempotent: alert and delivery ids are derived from the transaction, and a delivery that exists
    keeps its state.
    """
    done = []
    for batch in batches:
        raised = alerts_of(lake.read_table(scored_file(batch)), batch)
        alerts.put(raised)
        deliveries = enqueue_alerts(raised, router, outbox)
        ledger.complete(Stage.ALERTED, batch, {"alerts": len(raised), "deliveries": deliveries})
        done.append(batch)
    return done


def deliver(
    alerts: AlertStore, outbox: OutboxStore, open_channels: Callable[[], Sequence[Channel]]
) -> DeliverySummary:
    """Hand over what is due until nothing is due any more, or nothing moves."""
    total = DeliverySummary()
    while True:
        part = deliver_due(outbox, alerts, open_channels, lambda: datetime.now(UTC), senders=SENDERS)
        total.add(part)
        if not part.sent:
            # What was skipped and then sent by a later round is not open; the last round knows.
            total.skipped = part.skipped
            return total
