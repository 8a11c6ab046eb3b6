"""The host's clock jumps: a lease may last longer or end early, and still nobody is told twice of one outcome."""

from __future__ import annotations

from datetime import timedelta

import pytest

from include.alerts.delivery import DeliveryState
from include.stores.memory.alerting import MemoryOutboxStore
from tests.alerts.examples import NOON, alert, delivery

LEASE = 60.0


@pytest.fixture
def outbox() -> MemoryOutboxStore:
    made = MemoryOutboxStore()
    made.enqueue([delivery(alert(), created_at=NOON, arrived_at=NOON)])
    return made


def test_back_in_time_a_lease_lasts_longer_and_then_ends(outbox: MemoryOutboxStore) -> None:
    (due,) = outbox.due(NOON)
    assert outbox.claim(due, NOON, LEASE)
    for jump in (timedelta(hours=-3), timedelta(seconds=LEASE - 1)):
        assert outbox.due(NOON + jump) == []
    assert len(outbox.due(NOON + timedelta(seconds=LEASE + 1))) == 1


def test_forward_in_time_a_second_sender_takes_over_and_the_first_ones_outcome_is_dropped(
    outbox: MemoryOutboxStore,
) -> None:
    (due,) = outbox.due(NOON)
    first = outbox.claim(due, NOON, LEASE)
    jumped = NOON + timedelta(days=1)
    (again,) = outbox.due(jumped)
    second = outbox.claim(again, jumped, LEASE)
    assert first is not None
    assert second is not None
    assert (
        first.delivery_id == second.delivery_id
    )  # the message id is made of it: a receiver sees one message
    outbox.delivered(second, jumped, "v2")
    outbox.failed(first, "too late", NOON + timedelta(minutes=1))
    (stored,) = outbox.get_many([second.delivery_id]).values()
    assert (stored.state, stored.provider_id) == (DeliveryState.DELIVERED, "v2")


def test_a_delivery_from_the_future_is_not_due_and_not_lost(outbox: MemoryOutboxStore) -> None:
    assert outbox.due(NOON - timedelta(days=1)) == []
    assert len(outbox.due(NOON)) == 1
