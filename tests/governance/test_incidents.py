from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.governance.incidents import clear_incident, open_incidents, raise_incident, recent_incidents
from include.stores.lake.files import Lake

START = datetime(2026, 3, 1, tzinfo=UTC)


def test_an_incident_is_told_once_and_goes_on(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        for minute in range(3):
            raise_incident(lake, "Rule book", "broken", {"n": minute}, START + timedelta(minutes=minute))
    (incident,) = open_incidents(lake)
    assert (incident.key, incident.since, incident.last_seen) == (
        "rule-book",
        START,
        START + timedelta(minutes=2),
    )
    assert (incident.times, incident.detail) == (1, {"n": 2})
    assert [record.message for record in caplog.records] == ["incident rule-book: broken"]


def test_one_that_comes_back_begins_anew(lake: Lake) -> None:
    raise_incident(lake, "a", "broken", at=START)
    clear_incident(lake, "a")
    clear_incident(lake, "a")
    clear_incident(lake, "never raised")
    assert open_incidents(lake) == ()
    raise_incident(lake, "a", "again", at=START + timedelta(days=1))
    raise_incident(lake, "b", "another", at=START)
    assert [(one.key, one.times) for one in open_incidents(lake)] == [("b", 1), ("a", 2)]
    assert open_incidents(lake)[1].since == START + timedelta(days=1)


def test_it_never_stops_what_raised_it(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    raise_incident(lake, "a", "broken")
    lake.write_bytes("incidents/a.json", b"{")
    raise_incident(lake, "a", "broken")
    assert len(open_incidents(lake)) == 1

    def away(*_: Any) -> Any:
        raise OSError("no route")

    monkeypatch.setattr(Lake, "read_bytes", away)
    raise_incident(lake, "a", "broken")
    clear_incident(lake, "a")


def test_recent_ones_are_open_or_over_since_then(lake: Lake) -> None:
    for key in ("old", "over", "open"):
        raise_incident(lake, key, "broken", at=START)
    clear_incident(lake, "old", START + timedelta(hours=1))
    clear_incident(lake, "over", START + timedelta(hours=3))
    found = recent_incidents(lake, START + timedelta(hours=2))
    assert [(one.key, one.is_open) for one in found] == [("open", True), ("over", False)]
