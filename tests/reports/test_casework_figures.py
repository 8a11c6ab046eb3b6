"""Cases, deliveries and suppressions in a report."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import timedelta

from include.alerts.delivery import Delivery, DeliveryState
from include.cases.actions import apply
from include.cases.case import Action, Case
from include.cases.queue import QueueEntry
from include.cases.suppressions import Scope, suppress
from include.pipeline.reporting_outcome import cases_of, suppressions_of
from include.pipeline.reporting_scan import channels_of, deliveries_between
from include.stores.memory.alerting import MemoryOutboxStore
from include.stores.memory.cases import MemoryCaseStore, MemoryQueueStore
from tests.alerts.examples import ACCOUNT, NOON, alert, delivery
from tests.cases.examples import deed, fresh_alert

SINCE, UNTIL = NOON - timedelta(hours=12), NOON + timedelta(hours=12)


def casework(*lives: list[tuple[Action, timedelta]]) -> tuple[MemoryQueueStore, MemoryCaseStore]:
    """Alerts of noon, and what was done to each, so long after it was raised."""
    queue, cases = MemoryQueueStore(), MemoryCaseStore()
    for life in lives:
        one = fresh_alert()
        case = Case(one.alert_id)
        for action, after in life:
            event = apply(case, deed(action, at=one.raised_at + after, until=one.raised_at + after * 2))
            cases.append([event])
            case = event.case
        queue.put([QueueEntry.of(one, case)])
    return queue, cases


def test_the_time_is_that_to_the_decision_that_stands() -> None:
    minutes = [timedelta(minutes=number) for number in (1, 2, 4, 8, 16)]
    queue, cases = casework(
        [(Action.CONFIRM_FRAUD, minutes[1]), (Action.COMMENT, minutes[4])],
        [(Action.DISMISS, minutes[0]), (Action.REOPEN, minutes[1]), (Action.DISMISS, minutes[2])],
        [(Action.ESCALATE, minutes[0]), (Action.CONFIRM_FRAUD, minutes[3])],
        [(Action.ESCALATE, minutes[0])],
        [(Action.ASSIGN, minutes[0])],
        [],
    )
    figures = cases_of(queue, cases, SINCE, UNTIL)
    assert figures.to_disposition.count == 3
    assert round(figures.to_disposition.percentile(1) or 0) in range(119, 122)
    assert abs((figures.to_disposition.percentile(50) or 0) / 240 - 1) < 0.01
    assert abs((figures.to_disposition.percentile(100) or 0) / 480 - 1) < 0.01
    assert figures.escalated == 2
    assert figures.standing("CONFIRMED", "DISMISSED") == 3
    assert figures.standing("OPEN", "IN_REVIEW", "ESCALATED") == 3


def test_all_pages_of_decided_cases_are_read() -> None:
    queue, cases = casework(*[[(Action.DISMISS, timedelta(minutes=1))]] * 1_001)
    assert cases_of(queue, cases, SINCE, UNTIL).to_disposition.count == 1_001


def test_cases_of_other_alerts_are_left_out() -> None:
    queue, cases = casework([(Action.DISMISS, timedelta(minutes=1))])
    assert cases_of(queue, cases, UNTIL, UNTIL + timedelta(days=1)).counts == ()


def _delivery(number: int, **changes: object) -> Delivery:
    about = alert(number)
    return dataclasses.replace(delivery(about), delivery_id=uuid.uuid4(), **changes)  # type: ignore[arg-type]


def test_deliveries_made_in_the_period_by_channel() -> None:
    outbox, handed_over = MemoryOutboxStore(), DeliveryState.DELIVERED
    inside = [
        _delivery(1, state=handed_over, attempts=1, delivered_at=NOON + timedelta(seconds=3)),
        _delivery(2, state=handed_over, attempts=3, delivered_at=NOON + timedelta(seconds=31)),
        _delivery(3, state=DeliveryState.DEAD, attempts=5),
        _delivery(4, channel="sms"),
        *(_delivery(number, channel="slack") for number in range(1_100)),
        _delivery(5, channel="sms", created_at=SINCE),
    ]
    outside = [_delivery(6, created_at=UNTIL), _delivery(7, created_at=SINCE - timedelta(microseconds=1))]
    outbox.enqueue([*outside, *inside])
    found = channels_of(deliveries_between(outbox, SINCE, UNTIL))
    assert found["email"].states == {"DELIVERED": 2, "DEAD": 1}
    assert found["email"].retries == 6
    assert abs((found["email"].latency.percentile(95) or 0) / 30 - 1) < 0.01
    assert found["sms"].states == {"PENDING": 2}
    assert found["slack"].states == {"PENDING": 1_100}


def test_suppressions_that_held_at_some_time_of_the_period() -> None:
    hours = {name: timedelta(hours=number) for name, number in (("one", 1), ("day", 24))}

    def one(begin, length, scope=Scope.RULE, value="velocity"):
        return suppress(scope, value, "moves house", "ann", begin + length, begin)

    ended = one(SINCE - hours["day"], hours["day"])
    before, across = one(SINCE - hours["one"], hours["one"] / 2), one(SINCE - hours["one"], hours["day"] * 3)
    lifted = one(SINCE - hours["one"], hours["day"]).lifted("bob", SINCE - hours["one"] / 2)
    account, after = one(NOON, hours["one"], Scope.ACCOUNT, ACCOUNT), one(UNTIL, hours["one"])
    notes = suppressions_of([ended, before, across, lifted, account, after], SINCE, UNTIL)
    assert [(note.scope, note.value) for note in notes] == [("rule", "velocity"), ("account", "••••3000")]
