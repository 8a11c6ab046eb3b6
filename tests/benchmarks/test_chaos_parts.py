"""The parts of ``make chaos`` that need no server: the deck, the proxy, what is lost and doubled."""

from __future__ import annotations

import random
import socket
import threading
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.chaos import injection
from benchmarks.chaos.books import Book, _beginnings, _queue
from benchmarks.chaos.faults import ALL, FLOWING, SERVERS, TRIGGERED, Fault, Kind, deck, named
from benchmarks.chaos.injection import DRAFT
from benchmarks.chaos.produced import Produced, _judge
from benchmarks.chaos.proxy import CuttableProxy
from benchmarks.chaos.record import ChaosRecord, Outcome
from benchmarks.chaos.recovery import Standstill
from benchmarks.chaos.victims import NoVictim
from include.cases.queue import Ordering
from include.local.services import all_services
from include.rules.columns import rule_columns
from include.rules.loader import load_rules
from include.settings import HOST, PROJECT, Settings
from include.stores.lake.ledger import Stage
from tests.transactions.corpus import ARRIVED_AT, KEY, RETENTION, event

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def test_a_task_of_every_dag_is_killed_and_every_server() -> None:
    assert {*FLOWING, *TRIGGERED} == {path.stem for path in (PROJECT / "dags").glob("*.py")}
    assert set(SERVERS) == set(all_services(Settings()))


def test_the_deck_has_everything_once_before_anything_twice_and_is_the_same_for_a_seed() -> None:
    drawn = deck(2 * len(ALL), seed=3)
    assert set(drawn[: len(ALL)]) == set(ALL) == set(drawn[len(ALL) :])
    assert drawn == deck(2 * len(ALL), seed=3) != deck(2 * len(ALL), seed=4)


def test_faults_are_chosen_by_parts_of_their_names() -> None:
    assert named("kill -9 kafka, reboot") == [Fault(Kind.KILL, "kafka"), Fault(Kind.REBOOT, "everything")]
    with pytest.raises(ValueError, match=r"expected a part of the name .* got .flood."):
        named("flood")


def test_the_proxy_forwards_until_it_is_cut_and_forwards_anew() -> None:
    with socket.create_server((HOST, 0)) as echo:

        def serve() -> None:
            for _ in range(2):
                connection, _ = echo.accept()
                with connection:
                    try:
                        while data := connection.recv(100):
                            connection.sendall(data)
                    except OSError:
                        continue

        threading.Thread(target=serve, daemon=True).start()
        with CuttableProxy(echo.getsockname()[1]) as proxy:
            for number in range(2):
                with socket.create_connection((HOST, proxy.port), timeout=5) as client:
                    client.sendall(b"hello")
                    assert client.recv(100) == b"hello"
                    assert proxy.cut() == 1, number
                    with pytest.raises(ConnectionResetError):
                        client.recv(100)
            assert proxy.cut() == 0


def test_a_book_names_what_is_missing_and_what_is_there_too_often() -> None:
    book = Book("a store")
    book.count(["a", "b", "c"], ["a", "c", "c", "x"], {"b": NOON, "c": NOON})
    assert book.lost == [("b", NOON)]
    assert sorted(book.doubled) == [("c", NOON), ("x", None)]
    assert not book.balances


def test_what_is_lost_is_written_to_the_fault_before_it() -> None:
    first, second = (
        Outcome(Fault(Kind.KILL, name), NOON + timedelta(minutes=n), 1.0) for n, name in enumerate("ab")
    )
    book = Book(
        "a store", 3, lost=[("x", NOON + timedelta(seconds=90)), ("y", None), ("z", NOON - timedelta(1))]
    )
    record = ChaosRecord(7, 40, 3, 3, [first, second], [book])
    record.attribute()
    assert (first.lost, second.lost) == (0, 1)
    assert {check.name: check.value for check in record.checks if not check.holds} == {
        "lost, in all stores together": 3
    }


def test_a_fault_nothing_recovers_from_fails_the_run() -> None:
    record = ChaosRecord(
        7, 40, 3, 3, [Outcome(ALL[0], NOON), Outcome(ALL[1], NOON, 2.0, run_succeeded=False)], []
    )
    assert "faults the flow recovered from" in [check.name for check in record.checks if not check.holds]


def test_the_rule_that_is_drafted_is_sound(tmp_path: Path) -> None:
    for number in (3, 12):
        (tmp_path / f"chaos_draft_{number}.sql").write_text(DRAFT.format(number=number))
    assert len(load_rules(tmp_path, rule_columns()).rules) == 2


def test_a_long_standstill_has_to_have_been_told_of() -> None:
    silent, told, short, other = (
        Outcome(ALL[0], NOON, 110.0, still=101.0),
        Outcome(ALL[0], NOON, 110.0, still=101.0, incidents=["stalled-processing"]),
        Outcome(ALL[0], NOON, 110.0, still=99.0),
        Outcome(ALL[0], NOON, 110.0, still=101.0, incidents=["disk-low"]),
    )
    assert [one.kept_silent for one in (silent, told, short, other)] == [True, False, False, True]


def test_a_backlog_that_drains_is_no_standstill() -> None:
    def reached(accepted: int, scored: int) -> dict[Stage, int]:
        return {Stage.ACCEPTED: accepted, Stage.SCORED: scored, Stage.ALERTED: scored, Stage.STORED: scored}

    slow, stuck, idle = Standstill(100.0), Standstill(100.0), Standstill(100.0)
    for second in range(0, 200, 20):
        slow.look(reached(second, second // 2), 100.0 + second)
        stuck.look(reached(second, 3), 100.0 + second)  # scoring gets on no more
        idle.look(reached(second, second), 100.0 + second)
    assert (slow.longest, stuck.longest, idle.longest) == (0.0, 180.0, 0.0)


def test_in_a_long_outage_of_the_store_something_has_to_be_decided() -> None:
    idle = Outcome(Fault(Kind.OUTAGE, "cassandra"), NOON, 5.0, incidents=["no-history"])
    busy = replace(idle, without_history=3)
    nobody = Outcome(Fault(Kind.OUTAGE, "cassandra"), NOON)
    assert [one.decided_nothing for one in (idle, busy, nobody)] == [True, False, False]
    record = ChaosRecord(7, 40, 3, 3, [idle, busy], [], waiting=2)
    assert {check.name: check.value for check in record.checks if not check.holds} == {
        "long outages of the store in which nothing was decided": 1,
        "batches still decided without history": 2,
    }


def test_a_row_of_the_queue_says_what_its_newest_event_says() -> None:
    alert, other = uuid.UUID(int=1), uuid.UUID(int=2)

    class Session:
        def execute(self, cql: str, timeout: None) -> list[tuple[object, ...]]:
            if "case_events" in cql:
                return [(alert, 2, "CONFIRMED", "ana")]
            if "alert_handling" in cql:
                return [(alert, "A", alert, None), (other, "A", alert, None)]
            rows = [(order.value, other, 0, "JOINED", None) for order in Ordering]
            rows[1] = (rows[1][0], other, 0, "CONFIRMED", "ana")
            return rows[1:] + [(order.value, alert, 1, "IN_REVIEW", "ana") for order in Ordering]

    session: Any = Session()
    book = _queue(session, _beginnings(session), {str(alert): NOON, str(other): NOON})
    assert book.expected == 2 * len(Ordering)
    assert [name for name, _ in book.lost] == [str((next(iter(Ordering)).value, str(other)))]
    assert len(book.differs) == len(Ordering) + 1
    assert sum("expected (0, 'JOINED', None)" in text for text in book.differs) == 1
    assert not book.doubled


def test_a_bank_without_a_victim_is_switched_off_again(monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[bool] = []

    class Api:
        def __init__(self, *_: object) -> None: ...

        def pause(self, dag_id: str, is_paused: bool) -> None:
            assert dag_id == "ingest_transactions"
            paused.append(is_paused)

    class Nobody:
        def kill_task(self, *_: object) -> None:
            raise NoVictim("waited 90 s for a running task, in vain")

    monkeypatch.setattr(injection, "AirflowApi", Api)
    injector = injection.Injector(None, Nobody(), None, {}, "C-1", random.Random(7))  # type: ignore[arg-type]
    with pytest.raises(NoVictim, match="in vain"):
        injector.do(Fault(Kind.KILL_TASK, "ingest_transactions"))
    assert paused == [False, True]


class Record:
    """A record as the client gives it."""

    def __init__(self, offset: int, value: bytes) -> None:
        self._offset, self._value = offset, value

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes:
        return KEY

    def value(self) -> bytes:
        return self._value

    def timestamp(self) -> tuple[int, int]:
        return 2, int(ARRIVED_AT.timestamp() * 1000)


def test_the_books_tell_a_repetition_from_an_id_used_for_something_else() -> None:
    made = Produced()
    values = [
        event(),
        event(amount=12.5),
        event(amount="99"),
        event(amount="-1"),
        event(transaction_id="T-2"),
    ]
    for offset, value in enumerate(values):
        _judge(made, Record(offset, value), RETENTION)  # type: ignore[arg-type]
    assert (made.records, len(made.transactions), made.duplicates) == (5, 2, 1)
    assert sorted(made.dead) == [(0, 2), (0, 3)]
