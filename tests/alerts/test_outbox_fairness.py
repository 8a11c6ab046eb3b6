"""A channel in trouble harms nobody else, and no customer is told when they should not be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from include.alerts.alert import Alert
from include.alerts.delivery import CUSTOMER, Delivery, DeliveryState
from include.alerts.errors import ChannelUnavailable, TemporaryFailure
from include.alerts.limits import Limits
from include.alerts.message import Message
from include.alerts.outbox import deliver_due
from include.pipeline.alerting import deliver
from include.stores.memory.alerting import MemoryAlertStore, MemoryOutboxStore
from tests.alerts.examples import NOON, alert, delivery
from tests.alerts.outbox_world import Vendor, Writing

OLD = NOON - timedelta(hours=1)


class Named(Vendor):
    """A vendor of another channel."""

    def __init__(self, name: str, behave: Callable[[Message], None] = lambda message: None) -> None:
        super().__init__(behave)
        self.name = name  # type: ignore[misc]


def stores(many: int) -> tuple[MemoryAlertStore, MemoryOutboxStore, Delivery]:
    """So many text messages that are due for long, and a mail that has just come."""
    alerts, outbox = MemoryAlertStore(), MemoryOutboxStore()
    of = [alert(number) for number in range(many + 1)]
    alerts.put(of)
    texts = [
        delivery(one, channel="sms", recipient=f"+49{number}", created_at=OLD, arrived_at=OLD)
        for number, one in enumerate(of[1:])
    ]
    mail = delivery(of[0], recipient="fraud-desk@example.com")
    outbox.enqueue([*texts, mail])
    return alerts, outbox, mail


def away(message: Message) -> None:
    raise ChannelUnavailable("out of order")


def test_a_channel_out_of_order_hides_nobody_behind_its_crowd() -> None:
    alerts, outbox, mail = stores(1_200)
    sms, email = Named("sms", away), Named("email")
    deliver(alerts, outbox, lambda: [sms, email], Writing(), Limits(), seconds=20)
    assert outbox.rows[mail.delivery_id].state is DeliveryState.DELIVERED
    # A few tries tell that it is out of order, whatever the number of rounds.
    assert len(sms.tried) <= 12


def test_a_crowd_that_goes_out_slowly_does_not_come_first() -> None:
    alerts, outbox, mail = stores(1_200)
    sms, email = Named("sms"), Named("email")
    deliver(
        alerts, outbox, lambda: [sms, email], Writing(), Limits(sends_per_second={"sms": 1.0}), seconds=0.2
    )
    assert outbox.rows[mail.delivery_id].state is DeliveryState.DELIVERED
    assert len(sms.taken) < 100


def test_who_asks_to_be_left_alone_is_asked_once_a_run() -> None:
    alerts, outbox, _ = stores(1_200)

    def busy(message: Message) -> None:
        raise TemporaryFailure("429", retry_after=60.0)

    sms = Named("sms", busy)
    deliver(alerts, outbox, lambda: [sms, Named("email")], Writing(), Limits(), seconds=20)
    # The senders of a run may have begun together.
    assert 1 <= len(sms.tried) <= 6


@pytest.mark.parametrize(
    ("late", "answer", "state"),
    [
        (timedelta(seconds=2), None, DeliveryState.DELIVERED),  # has just been decided
        (timedelta(minutes=2), None, DeliveryState.DEAD),
        (timedelta(minutes=2), timedelta(hours=8), DeliveryState.PENDING),
        (timedelta(minutes=2), timedelta(0), DeliveryState.DELIVERED),
    ],
)
def test_a_late_message_to_a_customer_asks_whether_it_may_go(
    late: timedelta, answer: timedelta | None, state: DeliveryState
) -> None:
    of, outbox, alerts, vendor = alert(), MemoryOutboxStore(), MemoryAlertStore(), Vendor()
    alerts.put([of])
    one = replace(delivery(of), audience=CUSTOMER)
    outbox.enqueue([one])
    now = one.created_at + late

    def may_tell(told: Alert, about: Delivery, at: datetime) -> datetime | None:
        assert (told, about.delivery_id) == (of, one.delivery_id)
        return None if answer is None else at + answer

    deliver_due(outbox, alerts, lambda: [vendor], lambda: now, 60.0, renderer=Writing(), may_tell=may_tell)
    row = outbox.rows[one.delivery_id]
    assert row.state is state
    assert len(vendor.taken) == (state is DeliveryState.DELIVERED)
    if state is DeliveryState.PENDING:
        assert answer is not None
        assert row.next_attempt_at == now + answer
        assert "quiet hours" in str(row.last_error)
    if state is DeliveryState.DEAD:
        assert "does not consent" in str(row.last_error)
