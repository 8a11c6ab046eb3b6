"""Forty days of a small simulated bank, as a file like any other and as a data set."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.evaluation.dataset import DAY_US, LabelledData, load_dataset
from include.transactions.simulator.bank import SimulatedBank

START = datetime(2026, 1, 1, tzinfo=UTC)
MAPPING = """
format: parquet
fields:
  transaction_id: {column: transaction_id}
  account_id: {column: account_id}
  counterparty_id: {column: counterparty_id}
  amount: {column: amount}
  currency: {column: currency}
  transaction_type: {column: transaction_type}
  channel: {column: channel}
  country: {column: country}
  occurred_at: {column: occurred_at, timezone: UTC}
labels:
  is_fraud: {column: is_fraud}
  typology: {column: typology}
"""


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Paths of the data and of its mapping."""
    bank = SimulatedBank(3, 250, start=START)
    days = [bank.day(n) for n in range(40)]
    table = pa.concat_tables([day.transactions for day in days]).drop_columns(["extra"])
    truth = pa.concat_tables([day.labels for day in days])
    table = table.append_column("is_fraud", truth["is_fraud"].cast(pa.int8()))
    table = table.append_column("typology", truth["typology"])
    times = table["occurred_at"].cast(pa.string())
    table = table.set_column(table.column_names.index("occurred_at"), "occurred_at", times)
    amounts = table["amount"].cast(pa.string())
    table = table.set_column(table.column_names.index("amount"), "amount", amounts)
    folder = tmp_path_factory.mktemp("evaluation")
    pq.write_table(table, folder / "bank.parquet")
    (folder / "mapping.yaml").write_text(MAPPING)
    return folder / "bank.parquet", folder / "mapping.yaml"


@pytest.fixture(scope="session")
def data(files) -> LabelledData:
    return load_dataset(*files, delay_days=7)


@pytest.fixture(scope="session")
def day_us() -> int:
    return DAY_US
