from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from include.rules.loader import load_rules
from include.rules.ruleset import RuleSet

COLUMNS: dict[str, Any] = {
    "amount": pa.decimal128(18, 4),
    "currency": pa.string(),
    "country": pa.string(),
    "channel": pa.string(),
    "occurred_at": pa.timestamp("us", tz="UTC"),
    "account_count_1h": pa.float64(),
    "account_small_count_1h": pa.float64(),
    "account_mean_30d": pa.float64(),
    "is_new_device": pa.float64(),
}

HEADER = """\
-- id: {id}
-- title: A title
-- typology: card_testing
-- severity: {severity}
-- owner: somebody
-- version: 1
-- action: ALERT
"""
HEADER_LINES = HEADER.count("\n")


@pytest.fixture
def columns() -> dict[str, Any]:
    return dict(COLUMNS)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a rule with a sound header into the test's directory; answers its path."""

    def write(rule_id: str, expression: str, severity: str = "HIGH", extra: str = "") -> Path:
        path = tmp_path / f"{rule_id}.sql"
        path.write_text(HEADER.format(id=rule_id, severity=severity) + extra + expression, encoding="utf-8")
        return path

    return write


@pytest.fixture
def ruleset(write: Callable[..., Path], tmp_path: Path) -> Callable[..., RuleSet]:
    """A rule set of expressions, named a, b, c and so on."""

    def build(*expressions: str) -> RuleSet:
        for name, expression in zip("abcdefghij", expressions, strict=False):
            write(name, expression)
        return load_rules(tmp_path, COLUMNS)

    return build


@pytest.fixture
def rows() -> Callable[..., Any]:
    """A table of rows given as keyword columns; all columns of COLUMNS, null where not given."""

    def build(**given: list[Any]) -> Any:
        n = len(next(iter(given.values())))
        arrays = []
        for name, kind in COLUMNS.items():
            values = given.get(name, [None] * n)
            if name == "amount":
                values = [None if value is None else Decimal(str(value)) for value in values]
            arrays.append(pa.array(values, kind, from_pandas=False))
        return pa.table(arrays, schema=pa.schema(list(COLUMNS.items())))

    return build
