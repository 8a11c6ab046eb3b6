"""Lists as CSV (RFC 4180, UTF-8, a header): row by row, so that a long list costs no memory.

A spreadsheet takes a cell that begins with ``= + - @`` (or one of their full-width forms), a tab or a line break for a
formula, and runs it. Such
a cell gets an apostrophe before it, which a spreadsheet reads as "text"; a plain number, negative or not, stays one.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from include.alerts.masking import mask_account

#: Fields that name an account, to be masked for those who may not see them whole.
ACCOUNTS = frozenset({"account_id", "counterparty_id"})

QUEUE_COLUMNS = (
    "alert_id", "transaction_id", "raised_at", "severity", "typology", "score", "amount", "currency",
    "account_id", "counterparty_id", "customer_id", "transaction_type", "channel", "country", "status",
    "assignee", "changed_at", "leader_id",
)  # fmt: skip
DELIVERY_COLUMNS = (
    "delivery_id", "alert_id", "channel", "recipient", "audience", "state", "attempts", "created_at",
    "next_attempt_at", "delivered_at", "last_error", "provider_id",
)  # fmt: skip
SUPPRESSION_COLUMNS = (
    "suppression_id", "scope", "value", "reason", "author", "created_at", "until", "lifted_at", "lifted_by",
)  # fmt: skip
TRANSACTION_COLUMNS = (
    "transaction_id", "occurred_at", "account_id", "counterparty_id", "amount", "currency", "transaction_type",
    "channel", "country", "device_id", "customer_id", "arrived_at",
)  # fmt: skip
DEAD_LETTER_COLUMNS = (
    "place", "dead_at", "source_topic", "source_place", "arrived_at", "batch", "reasons", "status", "resent_by",
    "record",
)  # fmt: skip
MODEL_COLUMNS = (
    "day", "model_version", "transactions", "alerts", "reviews", "labelled", "fraud", "legitimate",
    "alerted_fraud", "alerted_legitimate", "recall", "precision",
)  # fmt: skip
RULE_COLUMNS = ("rule_id", "hits", "alone", "labelled", "fraud", "legitimate", "precision")

#: What the last line of a file begins with that does not have all rows.
CUT = "cut at"
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n")
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def csv_lines(
    rows: Iterable[object], columns: Sequence[str], masked: Collection[str] = (), limit: int | None = None
) -> Iterator[bytes]:
    """The header, then a piece of CSV a row, in the order of the rows.

    Parameters
    ----------
    rows
        Records or mappings; read one at a time.
    columns
        Names of attributes, or keys; they are the header too.
    masked
        Columns of account numbers of which only the end is shown; see ``ACCOUNTS``.
    limit
        Most rows; if there are more, the last line says so (``CUT``), and they are not read.

    Raises
    ------
    AttributeError, KeyError
        A row lacks a column.
    """
    yield _line(columns)
    for number, row in enumerate(rows):
        if limit is not None and number >= limit:
            yield _line([f"{CUT} {limit} rows: ask for less at a time", *[""] * (len(columns) - 1)])
            return
        values = (row[name] if isinstance(row, Mapping) else getattr(row, name) for name in columns)
        cells = (_cell(value) for value in values)
        yield _line(
            [
                mask_account(cell) if name in masked and cell else guarded(cell)
                for name, cell in zip(columns, cells, strict=True)
            ]
        )


def guarded(cell: str) -> str:
    """The cell as no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell


def _cell(value: Any) -> str:
    if value is None or value != value:  # NaN: not applicable
        return ""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple | set | frozenset):
        return "; ".join(map(_cell, sorted(value) if isinstance(value, set | frozenset) else value))
    return str(value)


def _line(cells: Sequence[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().encode("utf-8", "replace")
