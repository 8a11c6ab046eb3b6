"""What every AlertStore keeps to."""

import dataclasses
import math
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest

from include.alerts.alert import Severity
from include.stores.memory.alerting import MemoryAlertStore
from tests.alerts.examples import NOON, alert


@pytest.fixture(params=["memory", pytest.param("cassandra", marks=pytest.mark.servers)])
def alert_store(request):
    if request.param == "memory":
        return MemoryAlertStore()
    from include.stores.cassandra.alerts import CassandraAlertStore

    return CassandraAlertStore(request.getfixturevalue("cassandra_session"))


@pytest.fixture
def midnight():
    """The beginning of a day that is ours alone, most likely."""
    return NOON.replace(hour=0) - timedelta(days=uuid.uuid4().int % 20_000)


@pytest.fixture
def fresh():
    """Makes alerts no other test has written: the servers outlive a test."""

    def make(**changes):
        name = f"T-{uuid.uuid4()}"
        defaults = {"alert_id": uuid.uuid4(), "transaction_id": name, "account_id": f"account of {name}"}
        return alert(1, **defaults | changes)

    return make


def test_an_alert_comes_back_as_it_was_put(alert_store, fresh):
    one = fresh(
        amount=Decimal("0.0001"),
        occurred_at=NOON.replace(microsecond=123_456),
        arrived_at=NOON.replace(microsecond=999_999),
        raised_at=NOON + timedelta(seconds=1, microseconds=1),
        severity=Severity.CRITICAL,
        score=0.1 + 0.2,
        rule_hits=("b", "a"),
        reasons=("Ü-Wagen „Groß“", "second"),
        features={"z": -0.0, "a": 1e-300, "m": 12.5},
        contributions={"m": -3.25},
    )
    alert_store.put([one])
    assert alert_store.get(one.alert_id) == one


def test_what_is_absent_or_empty_comes_back_so(alert_store, fresh):
    one = fresh(customer_id=None, rule_hits=(), reasons=(), features={}, contributions={})
    alert_store.put([one])
    assert alert_store.get(one.alert_id) == one


def test_features_that_do_not_apply_survive(alert_store, fresh):
    one = fresh(features={"amount_value": 3.0, "device_age": math.nan, "gap": math.inf}, score=math.nan)
    alert_store.put([one])
    found = alert_store.get(one.alert_id)
    assert math.isnan(found.score)
    assert math.isnan(found.features["device_age"])
    assert {**found.features, "device_age": 0.0} == {"amount_value": 3.0, "device_age": 0.0, "gap": math.inf}


def test_an_unknown_alert_is_none(alert_store, fresh):
    assert alert_store.get(uuid.uuid4()) is None
    one = fresh()
    alert_store.put([one])
    assert alert_store.get_many([one.alert_id, uuid.uuid4(), one.alert_id]) == {one.alert_id: one}
    assert alert_store.get_many([]) == {}


def test_putting_again_changes_nothing(alert_store, fresh):
    one = fresh()
    for _ in range(3):
        alert_store.put([one, one])
    assert alert_store.get(one.alert_id) == one
    assert alert_store.by_account(one.account_id) == [one]
    assert alert_store.by_day(NOON.date(), 100_000).count(one) == 1


def test_putting_none_is_fine(alert_store):
    alert_store.put([])


def test_alerts_of_an_account_come_newest_first(alert_store, fresh):
    account = f"account-{uuid.uuid4()}"
    moments = [0, 7, 3, 3_000_000, 1, 1000]  # microseconds
    raised = [
        fresh(account_id=account, raised_at=NOON + timedelta(microseconds=moment)) for moment in moments
    ]
    alert_store.put(raised)
    newest_first = sorted(raised, key=lambda one: one.raised_at, reverse=True)
    assert alert_store.by_account(account) == newest_first
    assert alert_store.by_account(account, limit=2) == newest_first[:2]
    assert alert_store.by_account(f"no-{account}") == []


def test_alerts_of_the_same_moment_come_by_id(alert_store, fresh):
    account = f"account-{uuid.uuid4()}"
    raised = [fresh(account_id=account) for _ in range(12)]
    alert_store.put(raised)
    by_id = sorted(raised, key=lambda one: one.alert_id)
    assert alert_store.by_account(account) == by_id
    assert alert_store.by_account(account, 5) == by_id[:5]


def test_alerts_of_a_day_are_those_of_that_utc_day_newest_first(alert_store, fresh, midnight):
    raised = [
        fresh(raised_at=midnight + timedelta(seconds=seconds, microseconds=5))
        for seconds in (-1, 0, 40_000, 86_399, 86_400)
    ]
    alert_store.put(raised)
    ours = {one.alert_id for one in raised}
    found = [one for one in alert_store.by_day(midnight.date()) if one.alert_id in ours]
    assert found == [raised[3], raised[2], raised[1]]
    assert alert_store.by_day(midnight.date(), limit=1)[0].raised_at >= raised[3].raised_at


def test_hundreds_at_once(alert_store, fresh, midnight):
    features = {f"feature_{number:02}": number / 7 for number in range(81)}
    raised = [
        fresh(features=features, raised_at=midnight + timedelta(milliseconds=number)) for number in range(600)
    ]
    alert_store.put(raised)
    assert alert_store.get_many([one.alert_id for one in raised]) == {one.alert_id: one for one in raised}
    ours = {one.alert_id for one in raised}
    found = [one for one in alert_store.by_day(midnight.date(), 10_000) if one.alert_id in ours]
    assert found == raised[::-1]


def test_what_was_given_is_not_held_on_to(alert_store, fresh):
    one = fresh()
    raised = [one]
    alert_store.put(raised)
    raised[0] = dataclasses.replace(one, country="XX")
    assert alert_store.get(one.alert_id) == one
