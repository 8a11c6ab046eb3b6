"""The watch over the flow: incidents come by themselves, name the cause, and go by themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.governance.incidents import find_incident, open_incidents, raise_incident
from include.orchestration import flow_watch, notices, probes
from include.orchestration.flow_watch import DESK, SILENCE, SWEEP, TRIGGERER, Observer, Watchman
from include.orchestration.notices import DutyDesk, tell_of_lasting_incidents
from include.pipeline.stalls import PATIENCE, Backlog
from include.stores.lake.files import Lake
from include.stores.lake.ledger import Stage
from tests.pipeline.test_stalls import complete

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG = PATIENCE + timedelta(seconds=1)
ADDRESSES = probes.Addresses({}, (), ("", 0), None)
SERVERS = ("kafka", "cassandra", "spark", "smtp", "api_server", "scheduler")


class Answers:
    """What the servers say: everything is well unless said otherwise."""

    def __init__(self) -> None:
        self.away: dict[str, str] = {}

    def __call__(self, _: probes.Addresses) -> dict[str, str | None]:
        return {name: self.away.get(name) for name in SERVERS}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    made = Answers()
    monkeypatch.setattr(probes, "ask_all", made)
    monkeypatch.setattr(flow_watch, "_of_topic", lambda stage, *_: Backlog(stage))
    return made


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(tmp_path.as_uri())


def opened(lake: Lake) -> list[str]:
    return sorted(one.key for one in open_incidents(lake))


def test_nothing_stands_still_nothing_is_told(lake: Lake, answers: Answers) -> None:
    Observer(SWEEP, lake, ADDRESSES).look(NOW)
    assert opened(lake) == []


def test_a_stall_is_told_with_its_cause_and_goes_when_the_flow_has_caught_up(
    lake: Lake, answers: Answers
) -> None:
    complete(lake, Stage.ACCEPTED, 0, NOW)
    answers.away["cassandra"] = "10.0.0.1:9042: Connection refused"
    sweep = Observer(SWEEP, lake, ADDRESSES)
    sweep.look(NOW + timedelta(seconds=30))
    assert opened(lake) == []
    sweep.look(NOW + LONG)
    stalled = find_incident(lake, "stalled-scoring")
    assert stalled is not None
    assert "score_transactions stands still: 1 batches wait" in stalled.words
    assert "Cause: cassandra does not answer (10.0.0.1:9042: Connection refused)" in stalled.words
    assert stalled.detail["waiting"] == 1
    sweep.look(NOW + 2 * LONG)
    assert opened(lake) == ["away-cassandra", "stalled-scoring"]

    answers.away.clear()
    complete(lake, Stage.SCORED, 0, NOW + 2 * LONG)
    for stage in (Stage.ALERTED, Stage.STORED):
        complete(lake, stage, 0, NOW + 2 * LONG)
    sweep.look(NOW + 2 * LONG + timedelta(seconds=5))
    assert opened(lake) == []
    assert (find_incident(lake, "stalled-scoring") or stalled).times == 1


def test_it_stays_open_while_an_old_backlog_drains(lake: Lake, answers: Answers) -> None:
    for batch in range(3):
        complete(lake, Stage.ACCEPTED, batch, NOW)
    sweep = Observer(SWEEP, lake, ADDRESSES)
    sweep.look(NOW + LONG)
    complete(lake, Stage.SCORED, 0, NOW + LONG)
    sweep.look(NOW + LONG + timedelta(seconds=5))
    stalled = find_incident(lake, "stalled-scoring")
    assert stalled is not None
    assert stalled.is_open
    assert "moves again: 2 batches still wait" in stalled.words


def test_who_knows_less_does_not_overwrite_the_cause(lake: Lake, answers: Answers) -> None:
    complete(lake, Stage.ACCEPTED, 0, NOW)
    Observer(DESK, lake, ADDRESSES, why=lambda dag: f"DAG {dag} is paused").look(NOW + LONG)
    Observer(SWEEP, lake, ADDRESSES).look(NOW + LONG + timedelta(seconds=1))
    stalled = find_incident(lake, "stalled-scoring")
    assert stalled is not None
    assert stalled.words.endswith("Cause: DAG score_transactions is paused")


def test_a_question_airflow_cannot_answer_stops_no_look(lake: Lake, answers: Answers) -> None:
    def broken(_: str) -> str:
        raise OSError("the database is away")

    complete(lake, Stage.ACCEPTED, 0, NOW)
    Observer(DESK, lake, ADDRESSES, why=broken).look(NOW + LONG)
    assert opened(lake) == ["stalled-scoring"]


def test_a_server_is_away_since_the_first_who_noticed(lake: Lake, answers: Answers) -> None:
    answers.away["scheduler"] = "no sign of life"
    Observer(DESK, lake, ADDRESSES).look(NOW)
    Observer(TRIGGERER, lake, ADDRESSES).look(NOW + LONG)
    assert opened(lake) == ["away-scheduler"]
    away = find_incident(lake, "away-scheduler")
    assert away is not None
    assert "since 2026-03-01 12:00:00 UTC (no sign of life)" in away.words
    assert "score_transactions" in away.detail["stops"]
    answers.away.clear()
    Observer(DESK, lake, ADDRESSES).look(NOW + 2 * LONG)
    assert opened(lake) == []


def test_an_observer_that_falls_silent_is_missed_by_the_others(lake: Lake, answers: Answers) -> None:
    Observer(SWEEP, lake, ADDRESSES).look(NOW)
    desk = Observer(DESK, lake, ADDRESSES)
    desk.look(NOW + SILENCE - timedelta(seconds=1))
    assert opened(lake) == []
    desk.look(NOW + SILENCE)
    assert opened(lake) == ["unwatched-sweep"]
    Observer(SWEEP, lake, ADDRESSES).look(NOW + SILENCE + timedelta(seconds=1))
    assert opened(lake) == []


def test_a_topic_that_cannot_be_looked_at_hides_nothing_else(
    lake: Lake, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(*_: Any) -> None:
        raise OSError("no such topic")

    monkeypatch.setattr(flow_watch, "_of_topic", unreadable)
    complete(lake, Stage.ACCEPTED, 0, NOW)
    Observer(SWEEP, lake, ADDRESSES).look(NOW + LONG)
    assert opened(lake) == ["stalled-scoring"]


def test_a_watchman_survives_whatever_happens(lake: Lake, answers: Answers) -> None:
    tries: list[int] = []

    def make() -> Observer:
        tries.append(1)
        if len(tries) == 1:
            raise LookupError("no connection yet")
        return Observer(DESK, lake, ADDRESSES)

    watchman = Watchman(make)
    for _ in range(3):
        watchman.look()
    assert len(tries) == 2
    assert lake.exists("watch/observers/desk.json")


def test_the_duty_desk_is_told_once_of_what_lasts(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    class Channel:
        def send(self, message: Any) -> None:
            sent.append(message.subject)

        def close(self) -> None:
            """Nothing to close."""

    monkeypatch.setattr(notices, "open_channels", lambda: lambda: [Channel()])
    desk = DutyDesk(address="duty@bank.example", after_minutes=5)
    raise_incident(lake, "stalled-scoring", "it stands still", at=NOW)
    tell_of_lasting_incidents(lake, desk, NOW + timedelta(minutes=4))
    assert sent == []
    for minute in (5, 6):
        tell_of_lasting_incidents(lake, desk, NOW + timedelta(minutes=minute))
    assert sent == ["Incident that lasts: stalled-scoring"]


def test_little_room_is_told_before_there_is_none(
    lake: Lake, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow_watch, "ROOM_BYTES", 2**62)
    Observer(SWEEP, lake, ADDRESSES).look(NOW)
    assert opened(lake) == ["disk-low"]
    monkeypatch.setattr(flow_watch, "ROOM_BYTES", 1)
    Observer(SWEEP, lake, ADDRESSES).look(NOW)
    assert opened(lake) == []


class Ahead:
    """A topic whose newest record the broker stamped some seconds from now."""

    def __init__(self, seconds: int) -> None:
        self.newest = NOW + timedelta(seconds=seconds)

    def ends(self) -> dict[int, int]:
        return {0: 1}

    def before(self, moment: datetime) -> dict[int, int]:
        return {0: int(self.newest < moment)}

    def written_at(self, partition: int, offset: int) -> datetime:
        return self.newest


def test_a_broker_ahead_of_us_is_told(lake: Lake) -> None:
    flow_watch._tell_of_clocks(lake, Ahead(5), NOW)
    assert opened(lake) == []
    flow_watch._tell_of_clocks(lake, Ahead(30), NOW)
    assert opened(lake) == ["clock-skew"]
    flow_watch._tell_of_clocks(lake, Ahead(0), NOW)
    assert opened(lake) == []


def test_a_clock_that_jumps_back_raises_nothing(lake: Lake, answers: Answers) -> None:
    complete(lake, Stage.ACCEPTED, 0, NOW)
    sweep = Observer(SWEEP, lake, ADDRESSES)
    sweep.look(NOW)
    sweep.look(NOW - timedelta(hours=2))
    assert opened(lake) == []
