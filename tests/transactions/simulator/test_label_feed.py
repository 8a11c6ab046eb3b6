"""Labels come late, from the sources of the contract, and tell the truth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from include.transactions.labels import LABEL_SOURCES, LabelEvent, encode_label, validate_label
from include.transactions.simulator import SimulatedBank
from include.transactions.simulator.label_feed import label_events

DAY = SimulatedBank(6, 1000, start=datetime(2026, 1, 1, tzinfo=UTC)).day(2)


def test_every_fraud_is_told_once_and_truly() -> None:
    events = label_events(DAY, 6)
    truth = {row["transaction_id"]: row for row in DAY.labels.to_pylist()}
    assert len({event.transaction_id for event in events}) == len(events)
    assert all(event.is_fraud == truth[event.transaction_id]["is_fraud"] for event in events)
    told = {event.transaction_id for event in events if event.is_fraud}
    assert told == {name for name, row in truth.items() if row["is_fraud"]}
    assert any(not event.is_fraud for event in events)


def test_late_but_not_later_than_asked() -> None:
    occurred = dict(
        zip(*(DAY.transactions[c].to_pylist() for c in ("transaction_id", "occurred_at")), strict=True)
    )
    events = label_events(DAY, 6, longest_delay=timedelta(hours=2))
    delays = [event.labelled_at - occurred[event.transaction_id] for event in events]
    assert all(timedelta(0) < delay <= timedelta(hours=2) for delay in delays)
    assert [e.labelled_at for e in events] == sorted(e.labelled_at for e in events)
    assert {event.source for event in events} <= set(LABEL_SOURCES)


def test_seeded_and_valid() -> None:
    assert label_events(DAY, 6) == label_events(DAY, 6) != label_events(DAY, 7)
    for event in label_events(DAY, 6):
        key, value = encode_label(event)
        assert isinstance(validate_label(value, key, event.labelled_at), LabelEvent)
