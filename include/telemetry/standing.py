"""Metrics of how things are at this moment: broker, outbox, open alerts, incidents, drift, disks."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np

from include.adaptation.drift import Kind
from include.alerts.delivery import Delivery, DeliveryState, Place
from include.governance.incidents import recent_incidents
from include.pipeline.drift import standing_alarms
from include.pipeline.models import model_registry
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger
from include.stores.ports import OutboxStore
from include.telemetry import catalogue as c
from include.telemetry.samples import Sample, sample

#: States few deliveries are in, and how many of each are looked at.
_FEW_STATES = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.DEAD)
MOST_OF_A_STATE = 2_000
RECENT = timedelta(minutes=15)
MOST_RECENT, _PAGE = 5_000, 500
#: So long an incident that is over is still told, as 0.
_OVER = timedelta(days=1)

#: The broker's time of the oldest of the records at these places (offset by partition); None without any.
ArrivedAt = Callable[[Mapping[int, int]], datetime | None]


def broker_samples(
    lake: Lake, topic: str, ends: Mapping[int, int] | None, arrived_at: ArrivedAt, now: datetime
) -> Iterator[Sample]:
    """Lag by partition, and the age of the oldest record that no batch has.

    Raises
    ------
    RuntimeError
        The brokers do not say where the topic ends.
    """
    processed = BatchLedger(lake).processed_offsets()
    for partition, offset in sorted(processed.items()):
        yield sample(c.OFFSET, offset, topic=topic, partition=str(partition))
    if ends is None:
        raise RuntimeError(f"expected the brokers to say where {topic} ends, they do not; see their log")
    behind = {partition: max(0, end - processed.get(partition, 0)) for partition, end in ends.items()}
    for partition, count in sorted(behind.items()):
        yield sample(c.LAG, count, topic=topic, partition=str(partition))
    oldest = arrived_at({part: processed.get(part, 0) for part, count in behind.items() if count})
    age = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
    yield sample(c.OLDEST, age, topic=topic)


def outbox_samples(outbox: OutboxStore, channels: tuple[str, ...], now: datetime) -> Iterator[Sample]:
    """Deliveries that are not finished, those that are given up, and those of the last quarter of an hour.

    Parameters
    ----------
    channels
        Told of even if they have none: an alert rule wants a 0.
    """
    few = {state: outbox.recent(MOST_OF_A_STATE, state=state) for state in _FEW_STATES}
    seen = {one.channel for ones in few.values() for one in ones} | set(channels)
    for state, ones in few.items():
        count = Counter(one.channel for one in ones)
        for channel in sorted(seen):
            yield sample(c.OUTBOX, count[channel], channel=channel, state=state.value)
    due = Counter(one.channel for one in few[DeliveryState.PENDING] if _is_due(one, now))
    for channel in sorted(seen):
        yield sample(c.DUE, due[channel], channel=channel)
    recent = _recent(outbox, now - RECENT)
    for (channel, of_state), count_ in sorted(Counter((one.channel, one.state) for one in recent).items()):
        yield sample(c.RECENT, count_, channel=channel, state=of_state.value)
    taken = [(one.delivered_at - one.arrived_at).total_seconds() for one in recent if one.delivered_at]
    if taken:
        for quantile in (0.5, 0.95, 0.99):
            yield sample(c.LATENCY, float(np.quantile(taken, quantile)), quantile=str(quantile))


def _recent(outbox: OutboxStore, since: datetime) -> list[Delivery]:
    found: list[Delivery] = []
    after: Place | None = None
    while len(found) < MOST_RECENT and (page := outbox.recent(_PAGE, after=after)):
        found += [one for one in page if one.created_at >= since]
        if page[-1].created_at < since:
            break
        after = Place.of(page[-1])
    return found


def _is_due(delivery: Delivery, now: datetime) -> bool:
    return (delivery.next_attempt_at or delivery.arrived_at) <= now


def open_alert_samples(open_by_severity: Mapping[str, int]) -> Iterator[Sample]:
    """Alerts that wait for somebody."""
    for severity, count in open_by_severity.items():
        yield sample(c.OPEN_ALERTS, count, severity=severity)


def incident_samples(lake: Lake, now: datetime) -> Iterator[Sample]:
    """Incidents that are open, or were within a day; and how often each of them began."""
    for incident in recent_incidents(lake, now - _OVER):
        yield sample(c.INCIDENT, float(incident.is_open), key=incident.key)
        yield sample(c.INCIDENTS, incident.times, key=incident.key)


def drift_samples(lake: Lake) -> Iterator[Sample]:
    """Drift alarms of the champion that stand."""
    kinds = Counter(alarm.kind for alarm in standing_alarms(lake, model_registry(lake)))
    for kind in Kind:
        yield sample(c.DRIFT, kinds[kind], kind=kind.value)


def failed_task_samples(failed: Mapping[tuple[str, str], int]) -> Iterator[Sample]:
    """Tries that failed lately, by DAG and by what came of it (``tried_again`` or ``given_up``)."""
    for (dag_id, outcome), count in sorted(failed.items()):
        yield sample(c.FAILED_TASKS, count, dag=dag_id, outcome=outcome)


def disk_samples(places: Mapping[str, str]) -> Iterator[Sample]:
    """Space of the disks where data are kept on this machine.

    Parameters
    ----------
    places
        URI or path by name; what lies elsewhere is left out, its own cluster tells of it.
    """
    for name, uri in places.items():
        parts = urlsplit(uri)
        path = Path(unquote(parts.path))
        if parts.scheme in ("", "file") and path.exists():
            usage = shutil.disk_usage(path)
            yield sample(c.DISK_FREE, usage.free, place=name)
            yield sample(c.DISK_SIZE, usage.total, place=name)
