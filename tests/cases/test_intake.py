import dataclasses
from datetime import timedelta

import pytest

from include.alerts.alert import Severity
from include.cases.case import Action, Status
from include.cases.suppressions import Scope, suppress
from tests.alerts.examples import NOON
from tests.cases.examples import deed, fresh_alert, query
from tests.cases.world import World


@pytest.fixture
def world():
    return World()


def later(alert, minutes, **changes):
    other = fresh_alert(account_id=alert.account_id, raised_at=alert.raised_at + timedelta(minutes=minutes))
    return dataclasses.replace(other, **changes)


def statuses(world, *alerts):
    found = world.casework.current([alert.alert_id for alert in alerts])
    return [found[alert.alert_id].status for alert in alerts]


def test_an_alert_joins_the_one_before_it_on_its_account(world):
    first = fresh_alert()
    second, other = later(first, 10), fresh_alert(raised_at=first.raised_at)
    world.raised(first)
    world.raised(second, other)
    assert statuses(world, first, second, other) == [Status.OPEN, Status.JOINED, Status.OPEN]
    assert world.casework.current([second.alert_id])[second.alert_id].leader_id == first.alert_id
    assert world.handlings.repeats([first.alert_id]) == {first.alert_id: [second.alert_id]}


def test_alerts_of_one_batch_join_as_well(world):
    first = fresh_alert()
    second = later(first, 0)
    world.raised(first, second)
    assert statuses(world, first, second) == [Status.OPEN, Status.JOINED]


def test_the_window_is_measured_from_the_leader(world):
    first = fresh_alert()
    chain = [first, *(later(first, minutes) for minutes in (20, 29, 30, 40))]
    for one in chain:
        world.raised(one)
    assert statuses(world, *chain) == [
        Status.OPEN, Status.JOINED, Status.JOINED, Status.OPEN, Status.JOINED,
    ]  # fmt: skip


def test_what_is_more_severe_is_told_again(world):
    first = fresh_alert(severity=Severity.MEDIUM)
    worse, milder = later(first, 1, severity=Severity.CRITICAL), later(first, 2, severity=Severity.LOW)
    world.raised(first, worse, milder)
    assert statuses(world, first, worse, milder) == [Status.OPEN, Status.OPEN, Status.JOINED]
    assert world.casework.current([milder.alert_id])[milder.alert_id].leader_id == worse.alert_id


def test_nothing_joins_a_decided_case(world):
    first = fresh_alert()
    world.raised(first)
    world.casework.act(first.alert_id, deed(Action.DISMISS))
    second = later(first, 5)
    world.raised(second)
    assert statuses(world, second) == [Status.OPEN]


@pytest.mark.parametrize(
    ("scope", "value"),
    [
        (Scope.ACCOUNT, "A-1"),
        (Scope.COUNTERPARTY, "MERCHANT-00417"),
        (Scope.RULE, "new_device_large_amount"),
        (Scope.TYPOLOGY, "account_takeover"),
    ],
)
def test_a_suppressed_alert_is_kept_and_not_told(world, scope, value):
    one = suppress(scope, value, "a known trip", "analyst", NOON + timedelta(hours=1), NOON)
    world.suppressions.put(one)
    alert = fresh_alert(account_id="A-1")
    world.raised(alert)
    case = world.casework.current([alert.alert_id])[alert.alert_id]
    assert (case.status, case.suppression_id) == (Status.SUPPRESSED, one.suppression_id)
    assert not world.handlings.handlings([alert.alert_id])[alert.alert_id].told


def test_a_rule_is_suppressed_only_where_nothing_else_was_hit(world):
    rule = "new_device_large_amount"
    world.suppressions.put(suppress(Scope.RULE, rule, "noisy", "analyst", NOON + timedelta(hours=1), NOON))
    alert = fresh_alert(rule_hits=(rule, "another"))
    world.raised(alert)
    assert statuses(world, alert) == [Status.OPEN]


@pytest.mark.parametrize("ended", ["over", "lifted", "not begun"])
def test_a_suppression_ends(world, ended):
    created = NOON + timedelta(hours=1) if ended == "not begun" else NOON - timedelta(days=2)
    until = NOON if ended == "over" else created + timedelta(days=9)
    one = suppress(Scope.ACCOUNT, "A-1", "a trip", "analyst", until, created)
    world.suppressions.put(one.lifted("lead", NOON) if ended == "lifted" else one)
    alert = fresh_alert(account_id="A-1")
    world.raised(alert)
    assert statuses(world, alert) == [Status.OPEN]


def test_a_second_try_decides_nothing_anew(world):
    """Neither a suppression nor a decision made meanwhile changes what was told the first time."""
    first = fresh_alert()
    second = later(first, 1)
    world.raised(first, second)
    world.casework.act(first.alert_id, deed(Action.CONFIRM_FRAUD, at=NOON + timedelta(hours=1)))
    until = NOON + timedelta(days=1)
    world.suppressions.put(suppress(Scope.ACCOUNT, first.account_id, "x", "y", until, NOON))
    before = world.handlings.handlings([first.alert_id, second.alert_id])
    world.raised(first, second)
    assert world.handlings.handlings([first.alert_id, second.alert_id]) == before
    assert statuses(world, first, second) == [Status.CONFIRMED, Status.CONFIRMED]
    rows = world.queue.page(query(account_id=first.account_id, status=Status.CONFIRMED)).entries
    assert {row.alert_id for row in rows} == {first.alert_id, second.alert_id}


def test_the_worst_of_a_batch_leads_what_comes_after(world):
    first = fresh_alert(severity=Severity.MEDIUM)
    worse = later(first, 0, severity=Severity.CRITICAL)
    world.raised(first, worse)
    (leader,) = world.handlings.leaders([first.account_id]).values()
    assert (leader.alert_id, leader.severity) == (worse.alert_id, Severity.CRITICAL)


def test_an_old_batch_that_is_alerted_late_is_told(world):
    first = fresh_alert()
    world.raised(first)
    old = later(first, -60)
    world.raised(old)
    assert statuses(world, old) == [Status.OPEN]
    assert world.handlings.leaders([first.account_id])[first.account_id].alert_id == first.alert_id
