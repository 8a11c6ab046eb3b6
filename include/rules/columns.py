"""The columns a rule may name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from include.transactions.schema import TRANSACTION_SCHEMA

#: Column name → Arrow type.
Columns = Mapping[str, Any]

#: What can stand on a list, and the column of a transaction it is compared with.
LIST_SUBJECTS = {
    "account": "account_id",
    "counterparty": "counterparty_id",
    "country": "country",
    "device": "device_id",
}
LIST_NAMES = ("blocked", "trusted")

#: 1 where the transaction's account, counterparty … was on the list when it took place, else 0; added to the
#: table by whoever evaluates the rules, see ``include.governance.active_rules``.
LIST_COLUMNS = tuple(f"{subject}_is_{name}" for name in LIST_NAMES for subject in LIST_SUBJECTS)


def rule_columns() -> dict[str, Any]:
    """Every column of a transaction, every feature and every list, with its Arrow type.

    Features and lists are float64.
    """
    # The catalogue is imported here, so that checking or evaluating rules does not need the features package.
    from include.features.catalogue import FEATURE_NAMES

    columns: dict[str, Any] = {field.name: field.type for field in TRANSACTION_SCHEMA}
    columns.update({name: pa.float64() for name in (*FEATURE_NAMES, *LIST_COLUMNS)})
    return columns
