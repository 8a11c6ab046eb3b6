"""Files and mappings full of nonsense: imported, refused row by row, or refused as a whole in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.transactions.errors import ImportFailed, MappingError
from include.transactions.importer import import_file, load_mapping
from include.transactions.importer.mapping import Mapping
from tests.fuzzing import fuzzed
from tests.nonsense import mangled, texts, values

KEY = b"k" * 32
EXAMPLE = Path(__file__).parents[3] / "include" / "transactions" / "mappings" / "example.yaml"
ROW = {
    "booking_no": "1", "iban": "DE1", "client": "C1", "other_side": "DE2", "amount": "12,50", "currency": "eur",
    "kind": "CARD", "country": "de", "booked": "01.02.2026 12:00:00", "device": "D1", "fraud": "N", "fraud_kind": "",
    "reference": "r",
}  # fmt: skip
CSV = (";".join(ROW) + "\n" + (";".join(ROW.values()) + "\n") * 5).encode()
JSONL = (json.dumps(ROW) + "\n").encode() * 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


def imported(path: Path, mapping: Mapping) -> tuple[int, int]:
    """Rows imported and refused; what cannot be imported as a whole says what was expected."""
    try:
        chunks = list(import_file(path, mapping, KEY, chunk_rows=3))
    except ImportFailed as refused:
        if "expected" not in str(refused):
            raise AssertionError(f"expected words that help, got {refused}") from refused
        return 0, 0
    for chunk in chunks:
        assert all(refusal.reasons for refusal in chunk.refusals)
    return sum(one.transactions.num_rows for one in chunks), sum(len(one.refusals) for one in chunks)


def as_form(form: str) -> Mapping:
    return load_mapping(EXAMPLE).model_copy(update={"format": form})


@pytest.mark.parametrize(("form", "good"), [("csv", CSV), ("jsonl", JSONL)])
def test_broken_text_files(folder: Path, form: str, good: bytes) -> None:
    path = folder / f"file.{form}"
    path.write_bytes(good)
    assert imported(path, as_form(form)) == (5, 0)

    @fuzzed(120)
    @given(content=mangled(good))
    def holds(content: bytes) -> None:
        path.write_bytes(content)
        imported(path, as_form(form))

    holds()


@fuzzed(60)
@given(
    rows=st.lists(st.dictionaries(st.sampled_from(sorted(ROW)), values, max_size=4), min_size=1, max_size=6)
)
def test_every_row_is_imported_or_refused(folder: Path, rows: list[dict[str, Any]]) -> None:
    path = folder / "rows.jsonl"
    path.write_bytes(b"".join(json.dumps(ROW | row).encode() + b"\n" for row in rows))
    good, bad = imported(path, as_form("jsonl"))
    assert good + bad == len(rows)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, 2]), pa.array([1.5, float("nan")]), pa.array([b"\xff", b"x"]), pa.array([[1], [2]]),
        pa.array([{"a": 1}, None]), pa.array([None, None]), pa.array([True, False]),
        pa.array([-(2**62), 2**62], pa.timestamp("ns")), pa.array([2**53, 0], pa.timestamp("s")),
        pa.array(["a", "b"]).dictionary_encode(), pa.array([10**30, 1], pa.decimal128(38, 0)),
    ],
    ids=lambda column: str(column.type)[:30],
)  # fmt: skip
@pytest.mark.parametrize("name", ["booking_no", "amount", "booked", "fraud", "reference"])
def test_parquet_of_other_types(tmp_path: Path, name: str, column: pa.Array) -> None:
    table = pa.table(
        {other: column if other == name else pa.array([text] * 2) for other, text in ROW.items()}
    )
    pq.write_table(table, tmp_path / "file.parquet")
    imported(tmp_path / "file.parquet", as_form("parquet"))


def test_broken_parquet(folder: Path) -> None:
    path = folder / "file.parquet"
    pq.write_table(pa.table({name: [text] * 5 for name, text in ROW.items()}), path)
    good = path.read_bytes()
    assert imported(path, as_form("parquet")) == (5, 0)

    @fuzzed(80)
    @given(content=mangled(good))
    def holds(content: bytes) -> None:
        path.write_bytes(content)
        imported(path, as_form("parquet"))

    holds()


def checked(path: Path) -> Mapping | None:
    try:
        return load_mapping(path)
    except MappingError as refused:
        if "expected" not in str(refused) and "does not fit" not in str(refused):
            raise AssertionError(f"expected words that help, got {refused}") from refused
        return None


@fuzzed(200)
@given(content=mangled(EXAMPLE.read_bytes()))
def test_broken_mappings(folder: Path, content: bytes) -> None:
    path = folder / "mapping.yaml"
    path.write_bytes(content)
    checked(path)


@fuzzed(150)
@given(data=st.data())
def test_mappings_that_say_something_else(folder: Path, data: st.DataObject) -> None:
    """What a mapping that is taken says of a good file, the importer can do."""
    import yaml

    path, file = folder / "mapping.yaml", folder / "good.csv"
    file.write_bytes(CSV)
    document = yaml.safe_load(EXAMPLE.read_text())
    part = data.draw(
        st.sampled_from([document, document["csv"], *document["fields"].values(), document["labels"]])
    )
    part[data.draw(st.sampled_from(sorted(part)) | texts)] = data.draw(values)
    try:
        path.write_text(
            yaml.safe_dump(document, allow_unicode=True), encoding="utf-8", errors="surrogatepass"
        )
    except yaml.YAMLError:
        return
    if (mapping := checked(path)) is not None:
        imported(file, mapping)


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("timezone", "Mars/Olympus", "IANA"),
        ("timezone", "../../etc/passwd", "IANA"),
        ("format", "%Q", "strptime"),
        ("format", "epoch_ns", "epoch_s"),
    ],
)
def test_times_that_cannot_be_read_are_told_with_the_mapping(
    tmp_path: Path, field: str, value: str, named: str
) -> None:
    import yaml

    document = yaml.safe_load(EXAMPLE.read_text())
    document["fields"]["occurred_at"][field] = value
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(document))
    with pytest.raises(MappingError, match=f"occurred_at.*{named}"):
        load_mapping(tmp_path / "m.yaml")
