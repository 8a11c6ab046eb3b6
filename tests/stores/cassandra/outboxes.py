"""Deliveries for the tests of the outbox, and what is done with them again and again."""

import uuid
from datetime import timedelta

from include.alerts.delivery import DeliveryState
from tests.alerts.examples import NOON, alert, delivery

PENDING, SENDING, DELIVERED, DEAD, DIGESTED = DeliveryState
SECOND = timedelta(seconds=1)

TABLES = (
    "outbox", "outbox_due", "outbox_open_minutes", "deliveries_by_day", "digests", "sent_by_minute"
)  # fmt: skip


def empty_outbox(session):
    """Leave nothing in any table of the outbox."""
    for table in TABLES:
        session.execute(f"TRUNCATE {table}", timeout=60)


def make(arrived_at=NOON, **changes):
    about = alert(1, alert_id=uuid.uuid4(), arrived_at=arrived_at, raised_at=arrived_at + SECOND)
    return delivery(about, **changes)


def the(outbox, one):
    return outbox.get_many([one.delivery_id])[one.delivery_id]


def deliver_all(outbox, now):
    """Deliver what is due until nothing is."""
    while found := outbox.due(now):
        for one in found:
            claimed = outbox.claim(one, now, 60.0)
            if claimed is not None:
                outbox.delivered(claimed, now, None)


def remains(session, table):
    return len(list(session.execute(f"SELECT * FROM {table}")))  # noqa: S608 (the test's constants)
