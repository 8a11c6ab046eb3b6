"""Who is told over which channel: segments, hours, consent, quiet hours, escalations."""

import dataclasses
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.alerts.alert import Alert, Severity
from include.alerts.contacts import Contact, Customer, simulated_customers
from include.alerts.delivery import CUSTOMER, ESCALATION, STAFF, delivery_id_for
from include.alerts.errors import TemporaryFailure
from include.alerts.message import Message
from include.alerts.outbox import deliver_due
from include.alerts.quiet_hours import WallHours
from include.alerts.routing import Condition, Escalation, Router, Routing, RoutingRule, Tell
from include.alerts.routing_file import load_routing
from include.stores.memory.alerting import MemoryAlertStore, MemoryOutboxStore
from include.stores.memory.customers import MemoryCustomerStore
from tests.alerts.examples import NOON, alert
from tests.alerts.outbox_world import Vendor

PHONE = "+999123456789"
DESK = Contact({"email": "desk@example.com", "sms": "+999000000001", "slack": "C024BE91L0X"}, "en")
LEAD = Contact({"email": "lead@example.com", "sms": "+999000000002", "webhook": "cases"}, "de")
BOTH = Tell(CUSTOMER, ("sms", "email"))


def customer(**changes: Any) -> Customer:
    (example,) = simulated_customers(["C-77"])
    given = {
        "email": "c@example.com",
        "phone": PHONE,
        "consent_email": True,
        "consent_sms": True,
        "quiet_from": None,
        "quiet_until": None,
        "segment": "premium",
        "timezone": "Europe/Berlin",
    }
    return dataclasses.replace(example, **given | changes)


def router(*rules: tuple[Condition, tuple[Tell, ...]], known: Sequence[Customer] = (), **more: Any) -> Router:
    made = tuple(RoutingRule(str(number), when, tell) for number, (when, tell) in enumerate(rules))
    routing = Routing({"desk": DESK, "lead": LEAD}, "all", made, **more)
    return Router(routing, MemoryCustomerStore(known))


def told(of: Alert, by: Router) -> list[tuple[str, str]]:
    return [(one.channel, one.recipient) for one in by.deliveries_of(of)]


def test_a_group_is_told_on_every_channel_listed_each_once() -> None:
    by = router(
        (Condition(), (Tell("desk"), Tell("lead", ("email", "sms")))),
        (Condition(), (Tell("lead", ("sms", "webhook")), Tell("desk"))),
    )
    assert told(alert(), by) == [
        ("email", "desk@example.com"),
        ("email", "lead@example.com"),
        ("sms", "+999000000002"),
        ("webhook", "cases"),
    ]
    assert {one.delivery_id for one in by.deliveries_of(alert())} == {
        delivery_id_for(alert().alert_id, channel, recipient) for channel, recipient in told(alert(), by)
    }


def test_a_customer_is_told_on_the_channels_consented_to() -> None:
    rule = (Condition(), (BOTH,))
    assert told(alert(), router(rule, known=[customer()])) == [("sms", PHONE), ("email", "c@example.com")]
    assert told(alert(), router(rule, known=[customer(consent_email=False)])) == [("sms", PHONE)]
    assert told(alert(), router(rule, known=[customer(phone=None)])) == [("email", "c@example.com")]
    assert told(alert(), router(rule, known=[customer(consent_sms=False, consent_email=False)])) == []


def test_two_rules_do_not_tell_a_customer_twice_on_a_channel() -> None:
    by = router((Condition(), (BOTH,)), (Condition(), (Tell(CUSTOMER),)), known=[customer()])
    assert told(alert(), by) == [("sms", PHONE), ("email", "c@example.com")]


def test_a_customer_nobody_knows_is_counted_and_staff_are_told(caplog: pytest.LogCaptureFixture) -> None:
    by = router((Condition(), (Tell("desk"), BOTH)))
    with caplog.at_level(logging.WARNING):
        assert told(alert(), by) == [("email", "desk@example.com")]
    assert by.unknown_customers == 1
    assert "1 alerts were to be told to customers who are not in the store" in caplog.text


def test_a_customer_nobody_would_have_told_is_not_missed() -> None:
    by = router((Condition(), (Tell("desk"),)))
    by.deliveries_of(alert())
    assert by.unknown_customers == 0


@pytest.mark.parametrize("typology", ["mule_account", "structuring"])
def test_nobody_is_tipped_off_on_any_channel(typology: str) -> None:
    by = router((Condition(), (BOTH, Tell("desk"))), known=[customer()])
    assert {one.audience for one in by.deliveries_of(alert(typology=typology))} == {STAFF}


def test_customers_are_looked_up_once_for_all_alerts() -> None:
    asked: list[Sequence[str]] = []

    class Counting(MemoryCustomerStore):
        def get_many(self, customer_ids: Sequence[str]) -> dict[str, Customer]:
            asked.append(customer_ids)
            return super().get_many(customer_ids)

    made = Routing({}, "all", (RoutingRule("", Condition(), (BOTH,)),))
    by = Router(made, Counting([customer()]))
    several = [alert(1), alert(2), alert(3, customer_id=None), alert(4, customer_id="C-78")]
    assert len(by.deliveries_of_all(several)) == 4
    assert asked == [["C-77", "C-78"]]
    by.deliveries_of_all([alert(5, customer_id=None)])
    assert len(asked) == 1


def test_a_rule_for_a_segment() -> None:
    when = Condition(segments=frozenset({"premium", "business"}))
    rule = (when, (Tell("lead"),))
    assert told(alert(), router(rule, known=[customer()])) != []
    assert told(alert(), router(rule, known=[customer(segment="private")])) == []
    assert told(alert(), router(rule)) == []
    assert told(alert(customer_id=None), router(rule, known=[customer()])) == []


@pytest.mark.parametrize(
    ("at", "holds"),
    [("20:59", False), ("21:00", True), ("23:30", True), ("04:59", True), ("05:00", False), ("12:00", False)],
)
def test_a_rule_for_hours_goes_by_the_zone_of_the_file(at: str, holds: bool) -> None:
    night = Condition(hours=WallHours(time(22), time(6)))
    by = router((night, (Tell("lead"),)), zone=ZoneInfo("Europe/Berlin"))  # UTC + 1 in winter
    raised = datetime.combine(NOON.date(), time.fromisoformat(at), UTC)
    assert bool(told(alert(raised_at=raised), by)) is holds


def quiet(**changes: Any) -> Router:
    asleep = customer(quiet_from=time(22), quiet_until=time(7), **changes)
    return router((Condition(), (BOTH, Tell("desk"))), known=[asleep])


def at_night(**changes: Any) -> Alert:
    return alert(raised_at=datetime(2026, 3, 1, 23, 30, tzinfo=UTC), **changes)


def test_within_quiet_hours_a_customer_is_told_when_they_end_and_staff_at_once() -> None:
    due = {one.recipient: one.next_attempt_at for one in quiet().deliveries_of(at_night())}
    morning = datetime(2026, 3, 2, 6, tzinfo=UTC)
    assert due == {PHONE: morning, "c@example.com": morning, "desk@example.com": None}


def test_quiet_hours_go_by_the_customers_own_clock() -> None:
    (first, *_) = quiet(timezone="America/New_York").deliveries_of(at_night())
    assert first.next_attempt_at is None  # half past six in the evening there


def test_what_is_critical_does_not_wait() -> None:
    deliveries = quiet().deliveries_of(at_night(severity=Severity.CRITICAL))
    assert {one.next_attempt_at for one in deliveries} == {None}


@given(st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)))
def test_the_same_alert_always_waits_alike(raised_at: datetime) -> None:
    assert quiet().deliveries_of(alert(raised_at=raised_at)) == quiet().deliveries_of(
        alert(raised_at=raised_at)
    )


def test_an_escalation_has_an_id_of_its_own_and_comes_due_when_time_is_up() -> None:
    escalation = {
        Severity.HIGH: Escalation(timedelta(minutes=30), (Tell("lead", ("sms", "email")), Tell("desk")))
    }
    by = router((Condition(), (Tell("lead"),)), escalation=escalation)
    found = by.escalations_of(alert())
    at = alert().raised_at + timedelta(minutes=30)
    assert [(one.channel, one.recipient, one.audience) for one in found] == [
        ("sms", "+999000000002", ESCALATION),
        ("email", "lead@example.com", ESCALATION),
        ("email", "desk@example.com", ESCALATION),
    ]
    assert {(one.created_at, one.next_attempt_at, one.arrived_at) for one in found} == {
        (at, at, alert().arrived_at)
    }
    assert found == by.escalations_of(alert())
    ordinary = {one.delivery_id for one in by.deliveries_of(alert())}
    assert ordinary.isdisjoint(one.delivery_id for one in found)
    assert by.escalations_of(alert(severity=Severity.LOW)) == []


def test_an_escalation_never_goes_to_a_customer() -> None:
    escalation = {Severity.HIGH: Escalation(timedelta(minutes=30), (BOTH, Tell("desk")))}
    by = router(known=[customer()], escalation=escalation)
    assert [one.recipient for one in by.escalations_of(alert())] == ["desk@example.com"]


def test_the_channels_in_use() -> None:
    rules = (RoutingRule("", Condition(), (Tell("desk", ("slack",)), BOTH)),)
    escalation = {Severity.HIGH: Escalation(timedelta(minutes=1), (Tell("lead", ("webhook",)),))}
    assert Routing({}, "all", rules, escalation=escalation).channels() == {"slack", "sms", "email", "webhook"}
    assert "email" in load_routing(environ={}).channels()


@pytest.mark.parametrize(("severity", "waits"), [(Severity.HIGH, True), (Severity.CRITICAL, False)])
def test_a_repetition_that_falls_into_quiet_hours_waits_for_their_end(
    severity: Severity, waits: bool
) -> None:
    late = datetime(2026, 3, 1, 20, 59, 59, tzinfo=UTC)  # a second before ten in Berlin
    of = alert(raised_at=late, arrived_at=late, severity=severity)
    by, outbox, alerts = quiet(), MemoryOutboxStore(), MemoryAlertStore()
    alerts.put([of])
    outbox.enqueue(by.deliveries_of(of))

    def fail(message: Message) -> None:
        raise TemporaryFailure("503")

    deliver_due(outbox, alerts, lambda: [Vendor(fail)], lambda: late, 60.0, may_tell=by.may_tell)
    rows = [one for one in outbox.rows.values() if one.channel == "email"]
    assert {one.attempts for one in rows} == {1}
    end = datetime(2026, 3, 2, 6, tzinfo=UTC)
    assert {one.next_attempt_at == end for one in rows if one.audience == CUSTOMER} == {waits}
    assert {one.next_attempt_at == end for one in rows if one.audience == STAFF} == {False}
