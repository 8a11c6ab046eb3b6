"""A demo's record judges itself: each loss, and each slowness, fails the check that is named for it."""

from dataclasses import replace

import pytest

from include.reports.checks import exit_code, failed
from include.reports.demo import DemoRecord, TypologyResult

GOOD = DemoRecord(
    produced=100,
    broken=2,
    repeated=1,
    accepted=97,
    duplicates=1,
    dead_lettered=2,
    dead_letters_in_topic=2,
    scored=97,
    alert_decisions=3,
    alerts=3,
    joined=0,
    notifications_sent=4,
    notifications_open=0,
    mails=4,
    stored=97,
    labels_sent=5,
    labels_collected=5,
    rate=200.0,
    seconds=9.0,
    longest_gap=2.5,
    latencies=[1.0, 2.0, 3.0, 4.0],
    per_typology={"card_testing": TypologyResult(4, 3), "structuring": TypologyResult(0, 0)},
    true_alerts=3,
    model="m",
)


def test_a_good_demo_holds_and_is_told_in_full() -> None:
    assert exit_code(GOOD.checks()) == 0
    document = GOOD.document()
    assert document["balanced"] is True
    assert document["latency_seconds"] == {"p50": 2.5, "p95": pytest.approx(3.85), "p99": pytest.approx(3.97)}
    assert document["per_typology"]["card_testing"] == {"frauds": 4, "caught": 3, "recall": 0.75}
    assert document["per_typology"]["structuring"]["recall"] is None
    assert document["precision"] == 1.0
    assert {"name", "value", "must", "aim", "holds"} == set(document["checks"][0])


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"produced": 101}, "records lost"),
        ({"stored": 96}, "balanced"),
        ({"scored": 98}, "balanced"),
        ({"duplicates": 0, "accepted": 98, "scored": 98, "stored": 98}, "repeated records"),
        ({"dead_letters_in_topic": 3}, "broken records"),
        ({"alerts": 2}, "alerts in Cassandra"),
        ({"notifications_open": 1}, "deliveries still open"),
        ({"labels_collected": 4}, "fraud labels"),
        ({"mails": 5}, "messages at the vendors"),
        ({"mails": 3}, "messages at the vendors"),
        ({"latencies": [6.0]}, "latency p95"),
        ({"latencies": []}, "latency p95"),
        ({"longest_gap": 5.1}, "longest gap"),
        ({"longest_gap": None}, "longest gap"),
        ({"problems": ["kafka is down"]}, "problems"),
    ],
)
def test_whatever_goes_wrong_fails_its_check(change: dict[str, object], check: str) -> None:
    bad = replace(GOOD, **change)  # type: ignore[arg-type]
    assert any(one.name.startswith(check) for one in failed(bad.checks()))
    assert exit_code(bad.checks()) == 1


@pytest.mark.parametrize("change", [{"restarts": ["spark"]}, {"rate": 1_000.0}, {"busy": 0.95}])
def test_after_a_restart_above_the_rate_or_at_the_limit_the_latency_is_told_and_not_judged(
    change: dict[str, object],
) -> None:
    slow = replace(GOOD, latencies=[30.0], longest_gap=30.0, **change)  # type: ignore[arg-type]
    assert exit_code(slow.checks()) == 0
    assert exit_code(replace(slow, stored=96).checks()) == 1
    told = [check for check in slow.checks() if check.value == 30.0 and check.aim]
    assert all(str(check.aim) == "<= 5" and not check.reaches_aim for check in told)
    assert len(told) == (0 if slow.rate > 200 else 2)


@pytest.mark.parametrize(("busy", "saturated"), [(None, False), (0.7, False), (0.95, True), (1.0, True)])
def test_a_machine_at_its_limit_is_told_of(busy: float | None, saturated: bool) -> None:
    record = replace(GOOD, busy=busy)
    assert record.is_saturated is saturated
    assert exit_code(record.checks()) == 0
    assert exit_code(replace(record, latencies=[6.0]).checks()) == int(not saturated)
    (told,) = [check for check in record.checks() if check.name == "processors busy, share"]
    assert told.value == busy
