"""Historical import: three formats, transforms, refusals with their row, pseudonyms."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from include.transactions import contract
from include.transactions.encoding import encode
from include.transactions.errors import MappingError, PseudonymKeyMissing, SourceUnreadable
from include.transactions.importer import ImportedChunk, Mapping, Pseudonyms, import_file, load_mapping
from include.transactions.importer.__main__ import main
from include.transactions.importer.columns import REASON_LABEL
from include.transactions.schema import TRANSACTION_SCHEMA
from include.transactions.validation import Parsed, validate

MAPPINGS = Path(__file__).parents[3] / "include" / "transactions" / "mappings"
KEY = b"0123456789abcdef0123456789abcdef"
NAMES = Pseudonyms(KEY)

FIELDS: dict[str, Any] = {
    "transaction_id": {"column": "id"},
    "account_id": {"column": "account"},
    "counterparty_id": {"column": "other"},
    "amount": {"column": "amount"},
    "currency": {"constant": "EUR"},
    "transaction_type": {"constant": "TRANSFER"},
    "channel": {"constant": "ONLINE"},
    "country": {"constant": "DE"},
    "occurred_at": {"column": "at"},
}
ROW = {"id": "1", "account": "A", "other": "B", "amount": "5", "at": "2024-01-31T12:00:00Z"}


def mapping(**changes: Any) -> Mapping:
    fields = {name: source for name, source in {**FIELDS, **changes}.items() if name in contract.FIELD_NAMES}
    rest = {name: value for name, value in changes.items() if name not in fields}
    return Mapping.model_validate({"fields": fields, **rest})


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def whole(path: Path, how: Mapping, **options: Any) -> ImportedChunk:
    chunks = list(import_file(path, how, KEY, **options))
    return ImportedChunk(
        pa.concat_tables([chunk.transactions for chunk in chunks]),
        pa.concat_tables([chunk.labels for chunk in chunks]),
        tuple(refusal for chunk in chunks for refusal in chunk.refusals),
    )


def test_example_mapping(tmp_path: Path) -> None:
    file = tmp_path / "bookings.csv"
    file.write_text(
        "booking_no;iban;client;other_side;amount;currency;kind;country;booked;device;fraud;fraud_kind;reference\n"
        "1;DE1;K1;DE2;-1.234,56;eur;card;de;31.01.2024 13:00:00;D9;N;;Miete\n"
        "2;DE2;K2;DE1;9,5;;sepa_ct;;30.06.2024 13:00:00;;J;account_takeover;\n"
        "3;DE2;K2\n"
        '4;DE2;K2;DE1;x;EUR;wire;DE;31.03.2024 02:30:00;;?;;"a;b"\n',
        encoding="utf-8",
    )
    found = whole(file, load_mapping(MAPPINGS / "example.yaml"))
    first, second = found.transactions.to_pylist()
    assert first == {
        "transaction_id": "2024-1",
        "account_id": NAMES.account("DE1"),
        "counterparty_id": NAMES.account("DE2"),
        "amount": Decimal("1234.5600"),
        "currency": "EUR",
        "transaction_type": "CARD_PAYMENT",
        "channel": "POS",
        "country": "DE",
        "occurred_at": datetime(2024, 1, 31, 12, tzinfo=UTC),
        "device_id": "D9",
        "customer_id": NAMES.customer("K1"),
        "extra": '{"reference":"Miete"}',
    }
    assert second["occurred_at"] == datetime(2024, 6, 30, 11, tzinfo=UTC)  # summer time
    assert (second["currency"], second["channel"], second["device_id"]) == ("EUR", "ONLINE", None)
    assert second["counterparty_id"] == first["account_id"]
    assert found.labels["is_fraud"].to_pylist() == [False, True]
    assert found.labels["typology"].to_pylist() == ["", "account_takeover"]
    assert [(refusal.row, len(refusal.reasons)) for refusal in found.refusals] == [(3, 1), (4, 4)]
    assert found.refusals[1].reasons == (
        contract.REASON_AMOUNT,
        contract.REASON_TRANSACTION_TYPE,
        contract.REASON_OCCURRED_AT_FORMAT,  # a time that the change to summer time skips
        REASON_LABEL,
    )
    assert found.refusals[0].file == str(file)


def test_handbook_mapping(tmp_path: Path) -> None:
    table = pa.table(
        {
            "TRANSACTION_ID": [0, 1, 2],
            "TX_DATETIME": pa.array([datetime(2018, 4, 1, 0, 0, 31)] * 3, pa.timestamp("ns")),
            "CUSTOMER_ID": ["596", "4961", "596"],
            "TERMINAL_ID": ["3156", "3412", "1"],
            "TX_AMOUNT": [57.16, 0.0, 123.45 + 1e-14],
            "TX_FRAUD": [0, 0, 1],
            "TX_FRAUD_SCENARIO": [0, 0, 2],
        }
    )
    pq.write_table(table, tmp_path / "handbook.parquet")
    found = whole(tmp_path / "handbook.parquet", load_mapping(MAPPINGS / "handbook.yaml"))
    assert found.transactions["amount"].to_pylist() == [Decimal("57.1600"), Decimal("123.4500")]
    assert found.transactions["counterparty_id"].to_pylist() == ["T-3156", "T-1"]
    assert found.transactions["transaction_type"].to_pylist() == ["CARD_PAYMENT"] * 2
    assert found.transactions["occurred_at"][0].as_py() == datetime(2018, 4, 1, 0, 0, 31, tzinfo=UTC)
    assert found.labels["typology"].to_pylist() == ["", "compromised_merchant"]
    (refusal,) = found.refusals
    assert (refusal.row, refusal.reasons) == (2, (contract.REASON_AMOUNT,))


def test_imported_rows_keep_the_contract(tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", [{**ROW, "id": f'"{n}\\', "extra col": 'x"'} for n in range(5)])
    found = whole(file, mapping(extra=["extra col"]))
    for key, value in encode(found.transactions):
        parsed = validate(value, key, datetime(2024, 2, 1, tzinfo=UTC), timedelta(days=30))
        assert isinstance(parsed, Parsed), parsed
        assert parsed.extra == '{"extra col":"x\\""}'


def test_json_lines_with_broken_ones(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    good = json.dumps({**ROW, "amount": 0.1})
    file.write_bytes(
        b"\n".join([good.encode(), b"{", b"", b"[1]", b"\xff", json.dumps({"id": "2"}).encode()])
    )
    found = whole(file, mapping())
    assert found.transactions["amount"].to_pylist() == [Decimal("0.1000")]
    assert [refusal.row for refusal in found.refusals] == [2, 4, 5, 6]
    assert contract.REASON_ACCOUNT_ID_MISSING in found.refusals[-1].reasons


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("chunk_rows", [4, 25, 1000])
def test_chunks_change_nothing(tmp_path: Path, ending: str, chunk_rows: int) -> None:
    rows = [{**ROW, "id": str(n), "amount": "0" if n % 9 == 4 else f"{n + 1}.25"} for n in range(60)]
    path = tmp_path / f"a.{ending}"
    if ending == "jsonl":
        lines(path, rows)
    elif ending == "csv":
        path.write_text("\n".join([",".join(ROW), *(",".join(row.values()) for row in rows)]))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    found = whole(path, mapping(), chunk_rows=chunk_rows)
    assert [refusal.row for refusal in found.refusals] == [n + 1 for n in range(60) if n % 9 == 4]
    assert found.transactions["transaction_id"].to_pylist() == [str(n) for n in range(60) if n % 9 != 4]


@pytest.mark.parametrize(
    ("options", "text", "expected"),
    [
        ({}, "12.5", "12.5"),
        ({}, " 1,234.50 ", "1234.5"),
        ({}, "1e-05", None),
        ({}, "1e+16", None),
        ({}, "5E-4", "0.0005"),
        ({}, "-5", None),
        ({}, "0", None),
        ({}, "1000000000000", "1000000000000"),
        ({}, "1000000000000.0001", None),
        ({}, "99999999999999999", None),
        ({}, "123456789012345678901234567890", None),
        ({}, "NaN", None),
        ({}, "inf", None),
        ({}, "", None),
        ({"absolute": True}, "-5", "5"),
        ({"decimal_comma": True}, "1.234,56", "1234.56"),
        ({"minor_units": 2}, "1999", "19.99"),
        ({"minor_units": 2}, "100000000000000", "1000000000000"),
        ({"round": 2}, "57.160000000000004", "57.16"),
        ({"round": 2}, "0.004", None),
        ({}, "57.160000000000004", None),
    ],
)
def test_amounts(tmp_path: Path, options: dict[str, Any], text: str, expected: str | None) -> None:
    file = lines(tmp_path / "a.jsonl", [{**ROW, "amount": text}])
    found = whole(file, mapping(amount={"column": "amount", **options}))
    wanted = [] if expected is None else [Decimal(expected).quantize(Decimal("0.0001"))]
    assert found.transactions["amount"].to_pylist() == wanted
    assert len(found.refusals) == (expected is None)


@pytest.mark.parametrize(
    ("options", "text", "expected"),
    [
        ({}, "2024-01-31T12:00:00+02:00", datetime(2024, 1, 31, 10)),
        ({}, "2024-01-31 12:00:00", datetime(2024, 1, 31, 12)),
        ({}, "2024-01-31", datetime(2024, 1, 31)),
        ({"timezone": "America/New_York"}, "2024-01-31T12:00:00", datetime(2024, 1, 31, 17)),
        ({"timezone": "America/New_York"}, "2024-01-31T12:00:00Z", datetime(2024, 1, 31, 12)),
        ({"timezone": "Europe/Berlin"}, "2024-10-27T02:30:00", None),
        ({"format": "%d/%m/%y %H:%M"}, "31/01/24 12:05", datetime(2024, 1, 31, 12, 5)),
        ({"format": "%d/%m/%y %H:%M"}, "2024-01-31", None),
        ({"format": "epoch_s"}, "1706702400", datetime(2024, 1, 31, 12)),
        ({"format": "epoch_ms"}, "1706702400001", datetime(2024, 1, 31, 12, 0, 0, 1000)),
        ({}, "yesterday", None),
        ({}, "2024-02-30T00:00:00Z", None),
    ],
)
def test_times(tmp_path: Path, options: dict[str, Any], text: str, expected: datetime | None) -> None:
    file = lines(tmp_path / "a.jsonl", [{**ROW, "at": text}])
    found = whole(file, mapping(occurred_at={"column": "at", **options}))
    wanted = [] if expected is None else [expected.replace(tzinfo=UTC)]
    assert found.transactions["occurred_at"].to_pylist() == wanted
    assert [refusal.reasons for refusal in found.refusals] == (
        [(contract.REASON_OCCURRED_AT_FORMAT,)] if expected is None else []
    )


def test_rows_of_a_long_csv_keep_their_numbers(tmp_path: Path) -> None:
    rows = [",".join({**ROW, "id": str(n)}.values()) for n in range(1, 50_001)]
    rows[44_999] = "cut,off"
    rows[49_999] = rows[49_999].replace(",5,", ",0,")
    (tmp_path / "a.csv").write_text("\n".join([",".join(ROW), *rows]))
    chunks = list(import_file(tmp_path / "a.csv", mapping(), KEY, chunk_rows=10_000))
    assert len(chunks) > 1
    assert [refusal.row for chunk in chunks for refusal in chunk.refusals] == [45_000, 50_000]
    assert sum(chunk.transactions.num_rows for chunk in chunks) == 49_998


def test_time_shift(tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", [ROW])
    found = whole(file, mapping(), time_shift=timedelta(days=1))
    assert found.transactions["occurred_at"][0].as_py() == datetime(2024, 2, 1, 12, tzinfo=UTC)


def test_pseudonyms_are_stable_keyed_and_fit_the_contract() -> None:
    same, other = Pseudonyms(KEY), Pseudonyms(KEY[::-1])
    assert NAMES.account("DE1") == same.account("DE1") != other.account("DE1")
    assert NAMES.account("DE1") != NAMES.account("DE2")
    assert NAMES.account("X")[1:] != NAMES.customer("X")[1:]
    assert len(NAMES.account("x" * 500)) == 33
    column = NAMES.accounts(pa.array(["a", None, "a"], pa.string()))
    assert column.to_pylist() == [NAMES.account("a"), None, NAMES.account("a")]


@pytest.mark.parametrize("key", [None, b"", b"short"])
def test_without_a_key_nothing_is_imported_and_the_error_says_how_to_make_one(
    key: bytes | None, tmp_path: Path
) -> None:
    with pytest.raises(PseudonymKeyMissing, match=r"secrets\.token_hex"):
        list(import_file(lines(tmp_path / "a.jsonl", [ROW]), mapping(), key))


def test_what_cannot_be_imported_as_a_whole(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="found none"):
        whole(tmp_path / "absent.csv", mapping())
    (tmp_path / "a.parquet").write_bytes(b"no parquet")
    with pytest.raises(SourceUnreadable, match="readable as parquet"):
        whole(tmp_path / "a.parquet", mapping())
    with pytest.raises(MappingError, match="set `format`"):
        whole(tmp_path / "a.xlsx", mapping())
    (tmp_path / "a.csv").write_text("id,account\n1,2\n")
    with pytest.raises(MappingError, match=r"\['other', 'amount', 'at'\]"):
        whole(tmp_path / "a.csv", mapping())


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("fields: [", "expected YAML"),
        ("fields: {}", "fields.transaction_id"),
        (
            yaml.safe_dump({"fields": {**FIELDS, "amount": {"column": "a", "constant": "1"}}}),
            "either column or constant",
        ),
        (yaml.safe_dump({"fields": FIELDS, "colums": []}), "colums"),
        (yaml.safe_dump({"fields": FIELDS, "extra": ["amount"]}), "fields of the contract"),
    ],
)
def test_wrong_mappings(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(MappingError, match=named):
        load_mapping(tmp_path / "m.yaml")


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = lines(tmp_path / "a.jsonl", [{**ROW, "id": str(n), "amount": str(n)} for n in range(4)])
    (tmp_path / "m.yaml").write_text(yaml.safe_dump({"fields": FIELDS}))
    command = [
        str(file),
        "--mapping",
        str(tmp_path / "m.yaml"),
        "--to-parquet",
        str(tmp_path / "out.parquet"),
    ]
    assert main(command) == 2
    assert "token_hex" in capsys.readouterr().err.replace("\n", "")
    (tmp_path / "key").write_bytes(KEY)
    assert main([*command, "--key-file", str(tmp_path / "key")]) == 3
    told = capsys.readouterr().err
    assert "imported 3, refused 1 of 4 rows" in told
    assert "row 1: amount" in told.replace("\n", " ")
    assert pq.read_table(tmp_path / "out.parquet").schema.equals(TRANSACTION_SCHEMA)
    assert pq.read_table(tmp_path / "out.labels.parquet").num_rows == 0
