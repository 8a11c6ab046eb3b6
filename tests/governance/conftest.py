"""A lake of one's own, rules as texts, and tables of transactions to try them on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from include.governance.rule_book import RuleBook
from include.governance.rule_entry import RuleEntry, Stage
from include.rules.columns import rule_columns
from include.stores.lake.files import Lake
from include.transactions.schema import TRANSACTION_SCHEMA
from tests.pipeline.audited_bank import AuditedBank, copy_of, template

START = datetime(2026, 3, 1, tzinfo=UTC)
COLUMNS = {
    **{field.name: field.type for field in TRANSACTION_SCHEMA},
    **{name: kind for name, kind in rule_columns().items() if "_is_" in name},
    "account_count_1h": pa.float64(),
}


@pytest.fixture
def lake(tmp_path: Any) -> Lake:
    return Lake((tmp_path / "lake").as_uri())


@pytest.fixture
def book(lake: Lake) -> RuleBook:
    return RuleBook(lake, COLUMNS)


@pytest.fixture
def rule() -> Callable[..., str]:
    """The text of a rule file."""

    def text(rule_id: str, expression: str = "amount > 10", action: str = "ALERT") -> str:
        return (
            f"-- id: {rule_id}\n-- title: A title\n-- typology: card_testing\n-- severity: HIGH\n"
            f"-- owner: somebody\n-- version: 1\n-- action: {action}\n{expression}\n"
        )

    return text


@pytest.fixture
def entry(rule: Callable[..., str]) -> Callable[..., RuleEntry]:
    """A rule in a set."""

    def made(rule_id: str, expression: str = "amount > 10", **changes: Any) -> RuleEntry:
        text = rule(rule_id, expression)
        return RuleEntry(
            **{"rule_id": rule_id, "text": text, "author": "ann", "stage": Stage.LIVE, **changes}
        )

    return made


@pytest.fixture
def rows() -> Callable[..., Any]:
    """A table of n transactions, account a0, a1, … each a second after the other, changed column by column."""

    def build(n: int, **given: list[Any]) -> Any:
        columns: dict[str, list[Any]] = {
            "transaction_id": [f"t{row}" for row in range(n)],
            "account_id": [f"a{row}" for row in range(n)],
            "counterparty_id": [f"c{row}" for row in range(n)],
            "amount": [Decimal(20)] * n,
            "currency": ["EUR"] * n,
            "transaction_type": ["TRANSFER"] * n,
            "channel": ["ONLINE"] * n,
            "country": ["DE"] * n,
            "occurred_at": [START + timedelta(seconds=row) for row in range(n)],
            "device_id": [None] * n,
            "customer_id": [None] * n,
            "extra": [None] * n,
        } | given
        table = pa.table(columns, schema=TRANSACTION_SCHEMA)
        return table.append_column("account_count_1h", pa.array([1.0] * n))

    return build


@pytest.fixture
def audited(tmp_path_factory: pytest.TempPathFactory, tmp_path: Any) -> AuditedBank:
    """A lake with sealed batches, to be changed at will."""
    return copy_of(template(tmp_path_factory.getbasetemp() / "audited"), tmp_path / "audited")
