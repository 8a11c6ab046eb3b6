"""Reads customers from a CSV or Parquet file: the good rows, and every bad one with what is wrong with it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from include.alerts.contacts import Customer
from include.alerts.errors import CustomerError
from include.alerts.masking import mask_account, mask_contacts

REQUIRED = ("customer_id", "segment", "language", "consent_email", "consent_sms")
OPTIONAL = ("email", "phone", "quiet_from", "quiet_until", "timezone", "updated_at")

_YES = {"true", "yes", "1"}
_NO = {"false", "no", "0"}


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row no customer can be made of."""

    line: int  # of a CSV file, counted from 1 with the head; of a Parquet file the row, counted from 1
    problem: str  # what was expected and what came


@dataclass(frozen=True, slots=True)
class CustomerFile:
    """What a file of customers holds."""

    customers: tuple[Customer, ...]
    bad: tuple[BadRow, ...]


def read_customers(path: Path, read_at: datetime | None = None) -> CustomerFile:
    """Read a file with a row a customer.

    Columns ``customer_id``, ``segment``, ``language``, ``consent_email`` and ``consent_sms`` (true or
    false), and as far as known ``email``, ``phone`` (E.164), ``quiet_from`` and ``quiet_until`` (22:00),
    ``timezone`` (IANA; UTC if it is missing) and ``updated_at`` (RFC 3339).

    Parameters
    ----------
    path
        Ends in ``.csv`` (UTF-8, commas) or ``.parquet``.
    read_at
        Stands for ``updated_at`` where that is missing; now by default.

    Raises
    ------
    CustomerError
        The file itself cannot be read, or lacks a column. Bad rows raise nothing; they are returned.
    """
    moment = read_at or datetime.now(UTC)
    customers: dict[str, Customer] = {}
    bad = []
    for line, row in _rows(path):
        try:
            customer = _customer(row, moment)
            if customer.customer_id in customers:
                raise CustomerError(
                    f"expected each customer once, got {mask_account(customer.customer_id)} again; the first row stands"
                )
            customers[customer.customer_id] = customer
        except CustomerError as error:
            bad.append(BadRow(line, str(error)))
    return CustomerFile(tuple(customers.values()), tuple(bad))


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Every row with its line."""
    kind = path.suffix.lower()
    try:
        if kind == ".csv":
            yield from _csv_rows(path)
        elif kind == ".parquet":
            table = pq.read_table(path)
            _check_columns(path, table.column_names)
            yield from enumerate(table.to_pylist(), 1)
        else:
            raise CustomerError(f"{path}: expected a file that ends in .csv or .parquet")
    except (OSError, ValueError, csv.Error, pa.ArrowException) as error:  # a name with a NUL is a ValueError
        raise CustomerError(f"{path}: expected a readable {kind[1:]} file, got: {error}") from error


def _csv_rows(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        _check_columns(path, list(reader.fieldnames or ()))
        for row in reader:
            if None in row or None in row.values():
                got = sum(value is not None for key, value in row.items() if key) + len(row.get(None) or ())
                row = {"too few or too many": f"{got} values for {len(reader.fieldnames or ())} columns"}
            yield reader.line_num, row


def _check_columns(path: Path, names: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in names]
    unknown = [name for name in names if name not in (*REQUIRED, *OPTIONAL)]
    if missing or unknown or len(set(names)) < len(names):
        raise CustomerError(
            f"{path}: expected the columns {', '.join(REQUIRED)} and perhaps {', '.join(OPTIONAL)}, each once; "
            f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}"
        )


def _customer(row: Mapping[str, object], read_at: datetime) -> Customer:
    if "too few or too many" in row:
        raise CustomerError(f"expected a value for each column, got {row['too few or too many']}")
    problems: list[str] = []

    def text(name: str) -> str | None:
        value = row.get(name)
        return None if value is None or not str(value).strip() else str(value).strip()

    def needed(name: str) -> str:
        value = text(name)
        if value is None:
            problems.append(f"expected {name}, got nothing")
        return value or "?"

    def consent(name: str) -> bool:
        value = needed(name).lower()
        if value not in _YES | _NO | {"?"}:
            problems.append(f'expected {name} to be true or false, got "{mask_contacts(str(row[name]))}"')
        return value in _YES

    def wall(name: str) -> time | None:
        value = text(name)
        try:
            return None if value is None else time.fromisoformat(value)
        except ValueError:
            problems.append(f'expected {name} as a time such as 22:00, got "{mask_contacts(value or "")}"')
            return None

    def moment(name: str) -> datetime:
        value = text(name)
        try:
            return read_at if value is None else datetime.fromisoformat(value)
        except ValueError:
            got = mask_contacts(value or "")
            problems.append(f'expected {name} as in RFC 3339, such as 2026-03-01T12:00:00Z, got "{got}"')
            return read_at

    values = {name: needed(name) for name in ("customer_id", "segment", "language")}
    consents = consent("consent_email"), consent("consent_sms")
    quiet = wall("quiet_from"), wall("quiet_until")
    updated_at = moment("updated_at")
    if problems:
        raise CustomerError(f"customer {mask_account(values['customer_id'])}: {'; '.join(problems)}")
    return Customer(
        **values,
        email=text("email"),
        phone=text("phone"),
        consent_email=consents[0],
        consent_sms=consents[1],
        quiet_from=quiet[0],
        quiet_until=quiet[1],
        timezone=text("timezone") or "UTC",
        updated_at=updated_at,
    )
