"""Metrics of this moment: lag, outbox, incidents, disks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.adaptation.drift import Kind
from include.alerts.delivery import Delivery, DeliveryState
from include.governance.incidents import clear_incident, raise_incident
from include.stores.lake.files import Lake
from include.stores.memory.alerting import MemoryOutboxStore
from include.telemetry.samples import Sample
from include.telemetry.standing import (
    broker_samples,
    disk_samples,
    drift_samples,
    incident_samples,
    outbox_samples,
)
from tests.alerts.examples import alert, delivery
from tests.telemetry.chain import Chain

NOW = datetime.now(UTC)


def values(samples: Iterable[Sample], name: str) -> dict[tuple[str, ...], object]:
    return {
        tuple(one.labels[label] for label in one.metric.labels): one.value
        for one in samples
        if one.metric.name == name
    }


def test_lag_and_age_are_of_what_no_batch_has(chain: Chain) -> None:
    asked: list[Mapping[int, int]] = []

    def oldest(places: Mapping[int, int]) -> datetime:
        asked.append(places)
        return NOW - timedelta(seconds=42)

    found = list(broker_samples(chain.lake, "t", {0: 3, 1: 9, 2: 4}, oldest, NOW))
    assert values(found, "tidewatch_consumer_lag_records") == {("t", "0"): 0, ("t", "1"): 4, ("t", "2"): 4}
    assert values(found, "tidewatch_oldest_unprocessed_age_seconds") == {("t",): 42}
    assert values(found, "tidewatch_processed_offset") == {("t", "0"): 3, ("t", "1"): 5}
    assert asked == [{1: 5, 2: 0}]


def test_without_lag_nothing_is_old(chain: Chain) -> None:
    found = list(broker_samples(chain.lake, "t", {0: 3, 1: 5}, lambda places: None, NOW))
    assert values(found, "tidewatch_oldest_unprocessed_age_seconds") == {("t",): 0}


def test_brokers_that_are_away_are_told(chain: Chain) -> None:
    with pytest.raises(RuntimeError, match="expected the brokers"):
        list(broker_samples(chain.lake, "t", None, lambda places: None, NOW))


def test_the_outbox_by_channel_and_state() -> None:
    outbox = MemoryOutboxStore()

    def put(number: int, state: DeliveryState, **changes: object) -> None:
        at = NOW - timedelta(minutes=1)
        raised = alert(number, raised_at=at, arrived_at=at)
        one = delivery(raised, state=state, **changes)
        outbox.enqueue([one])
        _force(outbox, one)

    put(1, DeliveryState.PENDING)
    put(2, DeliveryState.PENDING, next_attempt_at=NOW + timedelta(hours=1))
    put(3, DeliveryState.DEAD, channel="sms")
    put(4, DeliveryState.DELIVERED, delivered_at=NOW - timedelta(seconds=56))
    old = alert(5, raised_at=NOW - timedelta(hours=2), arrived_at=NOW - timedelta(hours=2))
    ancient = delivery(old, state=DeliveryState.DELIVERED, delivered_at=NOW - timedelta(hours=1))
    outbox.enqueue([ancient])
    _force(outbox, ancient)
    found = list(outbox_samples(outbox, ("email", "slack"), NOW))
    states = values(found, "tidewatch_outbox_deliveries")
    assert {key: count for key, count in states.items() if count} == {
        ("email", "PENDING"): 2,
        ("sms", "DEAD"): 1,
    }
    assert states["slack", "DEAD"] == 0
    assert values(found, "tidewatch_outbox_due") == {("email",): 1, ("slack",): 0, ("sms",): 0}
    assert values(found, "tidewatch_recent_deliveries") == {
        ("email", "PENDING"): 2,
        ("email", "DELIVERED"): 1,
        ("sms", "DEAD"): 1,
    }
    assert values(found, "tidewatch_recent_delivery_latency_seconds") == {
        ("0.5",): 4,
        ("0.95",): 4,
        ("0.99",): 4,
    }


def _force(outbox: MemoryOutboxStore, one: Delivery) -> None:
    """Put a delivery into the state it says."""
    outbox._rows[one.delivery_id] = dataclasses.replace(one)


def test_incidents_open_and_over(tmp_path: Path) -> None:
    lake = Lake(tmp_path.as_uri())
    raise_incident(lake, "models", "expected a model")
    raise_incident(lake, "audit", "expected a seal")
    clear_incident(lake, "audit")
    raise_incident(lake, "audit", "again")
    clear_incident(lake, "audit")
    raise_incident(lake, "ancient", "long over", at=NOW - timedelta(days=9))
    clear_incident(lake, "ancient", at=NOW - timedelta(days=8))
    found = list(incident_samples(lake, NOW))
    assert values(found, "tidewatch_incident_open") == {("models",): 1, ("audit",): 0}
    assert values(found, "tidewatch_incidents") == {("models",): 1, ("audit",): 2}


def test_drift_without_a_model_is_none(tmp_path: Path) -> None:
    found = values(drift_samples(Lake(tmp_path.as_uri())), "tidewatch_drift_alarms_open")
    assert found == {(kind.value,): 0 for kind in Kind}


def test_disks_of_this_machine_only(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    found = list(
        disk_samples({"lake": folder.as_uri(), "far": "s3://bucket/lake", "gone": "/nowhere/at/all"})
    )
    assert set(values(found, "tidewatch_disk_size_bytes")) == {("lake",)}
    free, size = (values(found, f"tidewatch_disk_{name}_bytes")["lake",] for name in ("free", "size"))
    assert isinstance(free, int)
    assert isinstance(size, int)
    assert 0 < free <= size
