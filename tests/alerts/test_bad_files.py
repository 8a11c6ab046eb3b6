"""Routing files and files of customers full of nonsense: used, or refused with the line."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.alerts.customer_file import read_customers
from include.alerts.errors import CustomerError, RoutingError
from include.alerts.routing_file import DEFAULT_FILE, load_routing
from tests.fuzzing import fuzzed
from tests.nonsense import mangled, texts, values

CUSTOMERS = (
    b"customer_id,segment,language,consent_email,consent_sms,email,phone,quiet_from,quiet_until,timezone,updated_at\n"
    b"C-1,retail,en,true,false,a@bank.example,+4930123456,22:00,06:00,Europe/Berlin,2026-03-01T12:00:00Z\n"
    b"C-2,retail,de,true,true,,,,,,\n"
)
LINES = DEFAULT_FILE.read_text().split("\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


def routed(path: Path) -> None:
    try:
        load_routing(path, environ={})
    except RoutingError as refused:
        if not str(refused).startswith(f"{path}:"):
            raise AssertionError(f"expected file and line, got {refused}") from refused


@fuzzed(100)
@given(content=mangled(DEFAULT_FILE.read_bytes()))
def test_broken_routing_files(folder: Path, content: bytes) -> None:
    path = folder / "routing.yaml"
    path.write_bytes(content)
    routed(path)


@fuzzed(200)
@given(line=st.integers(0, len(LINES) - 1), value=texts)
def test_routing_that_says_something_else(folder: Path, line: int, value: str) -> None:
    path, lines = folder / "routing.yaml", list(LINES)
    lines[line] = f"{lines[line].partition(':')[0]}: {value}"
    path.write_text("\n".join(lines), encoding="utf-8", errors="surrogatepass")
    routed(path)


def read(path: Path) -> tuple[int, int]:
    try:
        found = read_customers(path)
    except CustomerError as refused:
        if "expected" not in str(refused):
            raise AssertionError(f"expected words that help, got {refused}") from refused
        return 0, 0
    return len(found.customers), len(found.bad)


def test_broken_files_of_customers(folder: Path) -> None:
    path = folder / "customers.csv"
    path.write_bytes(CUSTOMERS)
    assert read(path) == (2, 0)

    @fuzzed(200)
    @given(content=mangled(CUSTOMERS))
    def holds(content: bytes) -> None:
        path.write_bytes(content)
        read(path)

    holds()


@fuzzed(80)
@given(
    rows=st.lists(
        st.dictionaries(st.sampled_from(CUSTOMERS.decode().split("\n")[0].split(",")), texts), max_size=5
    )
)
def test_customers_that_make_no_sense(folder: Path, rows: list[dict[str, str]]) -> None:
    path, names = folder / "customers.parquet", CUSTOMERS.decode().split("\n")[0].split(",")
    columns = {
        name: pa.array([row.get(name, "x").encode("utf-8", "replace").decode() for row in rows], pa.string())
        for name in names
    }
    pq.write_table(pa.table(columns), path)
    good, bad = read(path)
    assert good + bad == len(rows)


@fuzzed(40)
@given(value=values)
def test_customers_of_other_types(folder: Path, value: object) -> None:
    path, names = folder / "odd.parquet", CUSTOMERS.decode().split("\n")[0].split(",")
    try:
        column = pa.array([value])
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        return
    for name in names:
        table = pa.table({other: column if other == name else pa.array(["x"]) for other in names})
        try:
            pq.write_table(table, path)
        except pa.ArrowException:
            return
        read(path)
