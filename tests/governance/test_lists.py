from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from include.governance import lists
from include.governance.errors import ListError
from include.governance.list_entries import ENTRIES_SCHEMA, Entries, Kind, ListEntry
from include.governance.lists import ListBook
from include.rules.columns import LIST_COLUMNS, rule_columns
from include.stores.lake.files import Lake

Rows = Callable[..., Any]
START = datetime.fromisoformat("2026-03-01T00:00:00+00:00")


def entry(value: str = "a0", **changes: Any) -> ListEntry:
    given = {"list": "BLOCKED", "subject": "ACCOUNT", "valid_from": START, "reason": "a report"}
    return ListEntry(**{**given, "value": value, **changes})


def blocked(book: ListBook, table: Any, number: int | None = None) -> list[float]:
    number = book.current_number() if number is None else number
    return book.columns(table, number)["account_is_blocked"].tolist()


def at(*seconds: float) -> list[datetime]:
    return [START + timedelta(seconds=second) for second in seconds]


def test_an_empty_book_has_every_column_and_nobody_on_it(lake: Lake, rows: Rows) -> None:
    book = ListBook(lake)
    assert book.current_number() == 0
    columns = book.columns(rows(3), 0)
    assert tuple(columns) == LIST_COLUMNS
    assert all(column.dtype == np.float64 and not column.any() for column in columns.values())
    assert set(LIST_COLUMNS) <= set(rule_columns())


def test_validity_has_its_first_moment_and_not_its_last(lake: Lake, rows: Rows) -> None:
    book = ListBook(lake)
    book.append("ann", [entry(valid_from=at(10)[0], valid_until=at(20)[0])])
    table = rows(5, account_id=["a0"] * 5, occurred_at=at(9.999999, 10, 19.999999, 20, 21))
    assert blocked(book, table) == [0, 1, 1, 0, 0]


def test_an_end_ends_what_was_put_on_before_and_not_what_comes_after(lake: Lake, rows: Rows) -> None:
    book = ListBook(lake)
    table = rows(4, account_id=["a0"] * 4, occurred_at=at(0, 9, 10, 30))
    book.append("ann", [entry()])
    book.append("bob", [entry(kind="END", valid_until=at(10)[0])])
    book.append("ann", [entry(valid_from=at(30)[0])])
    assert [blocked(book, table, number) for number in range(4)] == [
        [0, 0, 0, 0],
        [1, 1, 1, 1],
        [1, 1, 0, 0],
        [1, 1, 0, 1],
    ]


def test_every_list_has_its_column_and_says_nothing_of_others(lake: Lake, rows: Rows) -> None:
    book = ListBook(lake)
    values = {"ACCOUNT": "a0", "COUNTERPARTY": "c1", "COUNTRY": "KP", "DEVICE": "d3"}
    book.append(
        "ann",
        [
            entry(value, list=name, subject=subject)
            for name in ("BLOCKED", "TRUSTED")
            for subject, value in values.items()
        ],
    )
    table = rows(4, country=["DE", "DE", "KP", "DE"], device_id=[None, "a0", None, "d3"])
    found = {name: column.tolist() for name, column in book.columns(table, 1).items()}
    assert found == {
        name: [float(row == place % 4) for row in range(4)] for place, name in enumerate(LIST_COLUMNS)
    }


@settings(deadline=None)
@given(
    lines=st.lists(
        st.tuples(st.booleans(), st.sampled_from("xyz"), st.integers(0, 20), st.none() | st.integers(1, 9)),
        max_size=12,
    )
)
def test_the_table_of_entries_says_what_going_through_the_lines_says(lines: list[Any]) -> None:
    held: list[list[Any]] = []
    entries = []
    for add, value, begin, length in lines:
        if add:
            end = None if length is None else begin + length
            entries.append(entry(value, valid_from=at(begin)[0], valid_until=end and at(end)[0]))
            held.append([value, begin, 10**6 if end is None else end])
        else:
            entries.append(entry(value, kind=Kind.END, valid_until=at(begin)[0]))
            for line in held:
                if line[0] == value:
                    line[2] = min(line[2], begin)
    base = int(START.timestamp()) * 1_000_000
    for value in "xyz":
        moments = np.arange(0, 35)
        found = (
            Entries()
            .changed(entries)
            .column("account_is_blocked", pa.array([value] * 35), base + moments * 1_000_000)
        )
        expected = [any(v == value and b <= m < e for v, b, e in held) for m in moments.tolist()]
        assert found.astype(bool).tolist() == expected


def test_a_large_change_makes_a_snapshot_at_once(lake: Lake, rows: Rows) -> None:
    ListBook(lake).append("ann", [entry(f"a{number}") for number in range(1_000)])
    assert lake.names(lists.SNAPSHOTS) == ["00000001.parquet"]
    assert blocked(ListBook(lake), rows(2)) == [1, 1]


def test_another_process_sees_the_same_with_and_without_snapshots(
    lake: Lake, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "_CHANGES_PER_SNAPSHOT", 2)
    book = ListBook(lake)
    for number in range(5):
        book.append("ann", [entry(f"a{number}")])
    table = rows(6)
    expected = [[float(row < number) for row in range(6)] for number in range(6)]
    assert [blocked(ListBook(lake), table, number) for number in range(6)] == expected
    assert lake.names(lists.SNAPSHOTS) == ["00000002.parquet", "00000004.parquet"]
    lake.write_bytes(f"{lists.SNAPSHOTS}/00000004.parquet", b"nonsense")
    assert [blocked(ListBook(lake), table, number) for number in range(6)] == expected
    lake.delete_folder(lists.SNAPSHOTS)
    assert [blocked(pickle.loads(pickle.dumps(book)), table, n) for n in range(6)] == expected  # noqa: S301


def test_the_same_wish_is_done_once(lake: Lake) -> None:
    book = ListBook(lake)
    assert [book.append("ann", [entry()], key="run-1") for _ in range(2)] == [1, 1]
    assert ListBook(lake).append("ann", [entry()], key="run-1") == 1
    assert book.append("ann", [entry()], key="run-2") == 2


def test_a_wish_that_broke_off_is_done_though_another_took_its_number(lake: Lake) -> None:
    book = ListBook(lake)
    lake.write_json(lists._key_path("run-1"), {"number": 1})  # killed before the change itself
    assert book.append("bob", [entry("a1")], key="run-2") == 1
    assert book.append("ann", [entry("a2")], key="run-1") == 2


def test_a_broken_change_stops_the_counting_and_not_the_reading(lake: Lake, rows: Rows) -> None:
    book = ListBook(lake)
    book.append("ann", [entry()])
    book.append("ann", [entry("a1")])
    text = lake.read_bytes("lists/changes/00000002.json")
    lake.write_bytes("lists/changes/00000002.json", text[:40])
    again = ListBook(lake)
    assert again.current_number() == 1
    assert blocked(again, rows(2)) == [1, 0]
    assert "change 2" in again.problems[0]
    with pytest.raises(ListError, match="change 2"):
        again.append("bob", [entry("a5")])
    lake.write_bytes("lists/changes/00000002.json", text)
    assert (again.current_number(), again.problems) == (2, ())
    assert book.problems == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "END"}, "valid_until"),
        ({"valid_until": START}, "use the kind END"),
        ({"subject": "COUNTRY", "value": "kp"}, "capitals"),
        ({"reason": ""}, "at least 1"),
    ],
)
def test_what_makes_no_sense_is_refused_with_words(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        entry(**changes)


def test_a_hundred_thousand_entries_do_not_slow_a_batch(lake: Lake, rows: Rows) -> None:
    n = 100_000
    columns = [["account_is_blocked"] * n, [f"x{number}" for number in range(n)], [0] * n, [2**62] * n]
    lake.write_table(f"{lists.SNAPSHOTS}/00000001.parquet", pa.table(columns, schema=ENTRIES_SCHEMA))
    fresh = ListBook(lake)
    table = rows(1_000, account_id=[f"x{row * 150}" for row in range(1_000)])
    began = time.process_time()
    number = fresh.current_number()
    loaded = time.process_time() - began
    found = fresh.columns(table, number)
    asked = time.process_time() - began - loaded
    assert found["account_is_blocked"].sum() == 667
    assert loaded < 0.3
    assert asked < 0.05
