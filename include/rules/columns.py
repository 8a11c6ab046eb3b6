"""The columns a rule may name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from include.transactions.schema import TRANSACTION_SCHEMA

#: Column name → Arrow type.
Columns = Mapping[str, Any]


def rule_columns() -> dict[str, Any]:
    """Every column of a transaction and every feature, with its Arrow type (features are float64)."""
    # The catalogue is imported here, so that checking or evaluating rules does not need the features package.
    from include.features.catalogue import FEATURE_NAMES

    columns: dict[str, Any] = {field.name: field.type for field in TRANSACTION_SCHEMA}
    columns.update({name: pa.float64() for name in FEATURE_NAMES})
    return columns
