from datetime import UTC, datetime, time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.alerts.customer_file import read_customers
from include.alerts.errors import CustomerError

READ_AT = datetime(2026, 3, 1, tzinfo=UTC)
CSV = """\
customer_id,segment,language,email,phone,consent_email,consent_sms,quiet_from,quiet_until,timezone,updated_at
C-1,private,en,a@example.com,+999123456789,true,FALSE,22:00,07:00,Europe/Lisbon,2026-02-01T10:00:00Z
C-2,business,de,,,no,0,,,,
C-3,Private,en,b@example,+99,perhaps,true,,,,
C-3,private,en,b@example,+99,true,true,25:00,,,yesterday
C-1,premium,en,,,true,true,,,,
C-4,private,en
,private,en,,,true,true,,,,
C-5,private,en,c@example.com,,true,true,22:00,,Mars/Base,
"""


def _file(folder: Path, text: str) -> Path:
    path = folder / "customers.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_good_rows_are_read_and_every_bad_one_is_told_with_its_line(tmp_path: Path) -> None:
    found = read_customers(_file(tmp_path, CSV), READ_AT)
    first, second = found.customers
    assert (first.customer_id, first.email, first.phone) == ("C-1", "a@example.com", "+999123456789")
    assert (first.consent_email, first.consent_sms) == (True, False)
    assert (first.quiet_from, first.quiet_until, first.timezone) == (time(22), time(7), "Europe/Lisbon")
    assert first.updated_at == datetime(2026, 2, 1, 10, tzinfo=UTC)
    assert (second.email, second.phone, second.quiet_from, second.timezone) == (None, None, None, "UTC")
    assert second.updated_at == READ_AT
    problems = {row.line: row.problem for row in found.bad}
    assert sorted(problems) == [4, 5, 6, 7, 8, 9]
    assert 'expected consent_email to be true or false, got "perhaps"' in problems[4]
    assert 'expected quiet_from as a time such as 22:00, got "25:00"' in problems[5]
    assert 'expected updated_at as in RFC 3339, such as 2026-03-01T12:00:00Z, got "yesterday"' in problems[5]
    assert "expected each customer once, got ••••1 again" in problems[6]
    assert "expected a value for each column, got 3 values for 11 columns" in problems[7]
    assert "expected customer_id, got nothing" in problems[8]
    assert "quiet_until or neither" in problems[9]
    assert "Mars/Base" in problems[9]


def test_parquet_says_the_same(tmp_path: Path) -> None:
    columns = {
        "customer_id": ["C-1", "C-2", None],
        "segment": ["private", "business", "private"],
        "language": ["en", "de", "en"],
        "consent_email": [True, False, True],
        "consent_sms": [False, True, True],
        "phone": [None, "+999123456789", None],
        "quiet_from": pa.array([time(22), None, None], pa.time64("us")),
        "quiet_until": pa.array([time(6, 30), None, None], pa.time64("us")),
        "updated_at": pa.array([READ_AT, None, None], pa.timestamp("us", "UTC")),
    }
    path = tmp_path / "customers.parquet"
    pq.write_table(pa.table(columns), path)
    found = read_customers(path, READ_AT)
    assert [(one.customer_id, one.consent_email, one.consent_sms) for one in found.customers] == [
        ("C-1", True, False),
        ("C-2", False, True),
    ]
    assert found.customers[0].quiet_until == time(6, 30)
    assert [row.line for row in found.bad] == [3]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.txt", "", "ends in .csv or .parquet"),
        ("a.parquet", "no parquet", "expected a readable parquet file"),
        ("a.csv", "customer_id,segment\n", "missing: language, consent_email, consent_sms; unknown: none"),
        ("a.csv", CSV.replace("phone", "telephone", 1), "unknown: telephone"),
        ("a.csv", "", "missing: customer_id"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, name: str, text: str, expected: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(CustomerError, match=expected):
        read_customers(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CustomerError, match="expected a readable csv file"):
        read_customers(tmp_path / "none.csv")


def test_a_problem_shows_no_contact_and_no_full_number(tmp_path: Path) -> None:
    head = CSV.splitlines()[0]
    rows = [
        "DE89370400440532013000,private,en,jane@doe@example.com,0170-1234567,true,true,,,,",
        "DE89370400440532013000,jane.doe@example.com,+491701234567,,,jane.doe@example.com,true,,,,",
    ]
    found = read_customers(_file(tmp_path, "\n".join([head, *rows]) + "\n"), READ_AT)
    told = " ".join(row.problem for row in found.bad)
    assert len(found.bad) == 2
    for secret in ("jane", "170-1234567", "1701234567", "DE8937040044"):
        assert secret not in told
    assert "••••3000" in told
