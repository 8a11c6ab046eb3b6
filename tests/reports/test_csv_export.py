import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.reports.csv_export import ACCOUNTS, CUT, DELIVERY_COLUMNS, QUEUE_COLUMNS, csv_lines, guarded
from tests.alerts.examples import ACCOUNT, alert, delivery
from tests.cases.examples import entry

text = st.text(st.characters(exclude_categories=["Cs"]))
dangerous = st.tuples(st.sampled_from("=+-@\t\r"), text).map("".join)


def read(lines) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(lines).decode(), newline="")))


@given(st.lists(st.fixed_dictionaries({"a": text | dangerous, "b": text | dangerous}), max_size=5))
def test_read_back_every_cell_is_what_it_was_but_for_the_apostrophe(rows: list[dict[str, str]]) -> None:
    header, *found = read(csv_lines(rows, ("a", "b")))
    assert header == ["a", "b"]
    assert found == [[guarded(row["a"]), guarded(row["b"])] for row in rows]
    for cells, row in zip(found, rows, strict=True):
        assert all(cell in (was, f"'{was}") for cell, was in zip(cells, (row["a"], row["b"]), strict=True))


@given(dangerous)
def test_no_cell_is_a_formula(cell: str) -> None:
    found = guarded(cell)
    assert found.startswith("'") or float(found) <= 0


@pytest.mark.parametrize(
    "cell", ["=1+1", "+49 170", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "-", "-1.", "-1e5", "-٣"]
)
def test_formulas_are_guarded(cell: str) -> None:
    assert guarded(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["-1", "-12.5000", "0", "", "a=b", "x", "12"])
def test_numbers_and_words_stay(cell: str) -> None:
    assert guarded(cell) == cell


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12))
def test_amounts_stay_exact_numbers(amount: Decimal) -> None:
    (_, (cell,)) = read(csv_lines([{"amount": amount}], ("amount",)))
    assert Decimal(cell) == amount


def test_queue_rows_with_masked_accounts() -> None:
    row = entry(account_id=ACCOUNT, score=float("nan"))
    header, cells = read(csv_lines([row], QUEUE_COLUMNS, masked=ACCOUNTS))
    found = dict(zip(header, cells, strict=True))
    assert found["account_id"] == "••••3000"
    assert found["score"] == ""
    assert found["status"] == "OPEN"
    assert datetime.fromisoformat(found["raised_at"]) == row.raised_at.astimezone(UTC)
    assert ACCOUNT not in ",".join(cells)


def test_delivery_rows() -> None:
    (_, cells) = read(csv_lines([delivery(alert())], DELIVERY_COLUMNS))
    assert cells[5] == "PENDING"


def test_a_limit_reads_no_further() -> None:
    def rows():
        yield {"a": 1}
        yield {"a": 2}
        yield {"a": 3}
        raise AssertionError("read too far")

    told = read(csv_lines(rows(), ("a",), limit=2))
    assert told == [["a"], ["1"], ["2"], [f"{CUT} 2 rows: ask for less at a time"]]


def test_what_fits_is_not_said_to_be_cut() -> None:
    assert read(csv_lines([{"a": 1}, {"a": 2}], ("a",), limit=2)) == [["a"], ["1"], ["2"]]


def test_rows_end_as_rfc_4180_says_and_nothing_stops_at_a_lone_surrogate() -> None:
    assert b"".join(csv_lines([{"a": "x\ud800,y"}], ("a",))) == b'a\r\n"x?,y"\r\n'
