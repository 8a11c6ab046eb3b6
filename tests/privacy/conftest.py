"""A lake whose batches have been through every stage, a person in it, and stores that remember what they are told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.stores.lake.ledger import Stage, accepted_file
from tests.pipeline.audited_bank import BATCHES, AuditedBank, copy_of, template


@dataclass
class Told:
    """An ``Eraser`` that writes down what it is asked for."""

    moved: list[dict[str, object]] = field(default_factory=list)
    totals: list[tuple[str, str, int]] = field(default_factory=list)
    accounts: dict[str, set[str]] = field(default_factory=dict)
    customers: list[str] = field(default_factory=list)

    def move_rows(self, scored: pa.Table, batch: int) -> None:
        self.moved += scored.to_pylist()

    def erase_totals(self, kind: str, key: str, moments: Iterable[datetime]) -> None:
        self.totals.append((kind, key, len(list(moments))))

    def erase_account(self, account: str, in_lake: set[str]) -> None:
        self.accounts[account] = in_lake

    def erase_customer(self, customer_id: str) -> None:
        self.customers.append(customer_id)


@pytest.fixture(scope="session")
def scored_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template(tmp_path_factory.getbasetemp() / "audited")


@pytest.fixture
def bank(scored_lake: Path, tmp_path: Path) -> AuditedBank:
    made = copy_of(scored_lake, tmp_path / "lake")
    for stage in (Stage.ALERTED, Stage.STORED):
        for batch in range(BATCHES):
            made.ledger.complete(stage, batch, {})
    return made


@pytest.fixture
def person(bank: AuditedBank) -> str:
    """The customer with the most transactions."""
    ids = pa.concat_tables([bank.lake.read_table(accepted_file(n), ["customer_id"]) for n in range(BATCHES)])
    counts = pc.value_counts(ids["customer_id"].combine_chunks()).to_pylist()
    return str(max(counts, key=lambda one: (one["counts"], one["values"]))["values"])
