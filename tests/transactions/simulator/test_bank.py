"""The simulated bank: laws of its days, the share of fraud, and its agreement with the contract."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.transactions.encoding import encode
from include.transactions.errors import SimulationError
from include.transactions.labels import TRUTH_SCHEMA
from include.transactions.schema import TRANSACTION_SCHEMA
from include.transactions.simulator import SimulatedBank
from include.transactions.simulator.typologies import TYPOLOGIES
from include.transactions.validation import Parsed, validate

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def big_bank_days() -> list[tuple[pa.Table, pa.Table]]:
    bank = SimulatedBank(11, 5000, start=START)
    return [(day.transactions, day.labels) for day in map(bank.day, range(8))]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 400), st.integers(50, 300))
def test_a_day_follows_from_seed_and_number_alone(seed: int, n: int, customers: int) -> None:
    fresh, used = (SimulatedBank(seed, customers, start=START) for _ in range(2))
    used.day(n + 1)
    used.day(max(0, n - 1))
    one, other = fresh.day(n), used.day(n)
    assert one.transactions.equals(other.transactions)
    assert one.labels.equals(other.labels)


def test_seeds_differ() -> None:
    one, other = (SimulatedBank(seed, 100, start=START).day(3).transactions for seed in (1, 2))
    assert not one.equals(other)
    assert not set(one["account_id"].to_pylist()) & set(other["account_id"].to_pylist())


def test_days_are_sorted_and_within_their_day(big_bank_days: list[tuple[pa.Table, pa.Table]]) -> None:
    for n, (table, labels) in enumerate(big_bank_days):
        assert table.schema == TRANSACTION_SCHEMA
        assert labels.schema == TRUTH_SCHEMA
        times = table["occurred_at"].cast(pa.int64()).to_numpy()
        first = (START + timedelta(days=n)).timestamp() * 1e6
        assert (np.diff(times) >= 0).all()
        assert first <= times[0] <= times[-1] < first + 86_400e6
        assert labels["transaction_id"].equals(table["transaction_id"])
        assert labels["account_id"].equals(table["account_id"])


def test_ids_are_unique_and_say_seed_size_and_day(big_bank_days: list[tuple[pa.Table, pa.Table]]) -> None:
    ids = pa.concat_tables([table for table, _ in big_bank_days])["transaction_id"]
    assert len(ids) == pc.count_distinct(ids).as_py()
    assert ids[0].as_py() == "S11-C5000-D0-0"


def test_banks_of_other_sizes_share_no_id() -> None:
    small, large = (SimulatedBank(11, customers, start=START).day(0).transactions for customers in (100, 200))
    assert not set(small["transaction_id"].to_pylist()) & set(large["transaction_id"].to_pylist())


def test_two_transactions_a_customer_a_day(big_bank_days: list[tuple[pa.Table, pa.Table]]) -> None:
    mean = sum(table.num_rows for table, _ in big_bank_days) / len(big_bank_days)
    assert 9_000 < mean < 11_000


def test_share_of_fraud(big_bank_days: list[tuple[pa.Table, pa.Table]]) -> None:
    labels = pa.concat_tables([truth for _, truth in big_bank_days])
    assert 0.008 <= pc.mean(labels["is_fraud"]).as_py() <= 0.010
    named = pc.not_equal(labels["typology"], "")
    assert named.equals(labels["is_fraud"])


def test_every_run_of_20_000_has_ten_frauds_of_each_typology(
    big_bank_days: list[tuple[pa.Table, pa.Table]],
) -> None:
    typologies = pa.concat_tables([truth for _, truth in big_bank_days])["typology"].to_numpy()
    for typology in TYPOLOGIES:
        seen = np.concatenate([[0], np.cumsum(typologies == typology.name)])
        assert (seen[20_000:] - seen[:-20_000]).min() >= 10, typology.name


def test_the_contract_accepts_every_transaction() -> None:
    bank = SimulatedBank(5, 300, start=START)
    for n in range(4):
        for key, value in encode(bank.day(n).transactions):
            parsed = validate(value, key, START + timedelta(days=n + 1), timedelta(days=2))
            assert isinstance(parsed, Parsed), parsed


def test_stream_is_the_days_cut_to_the_count() -> None:
    bank = SimulatedBank(2, 200, start=START)
    parts = list(bank.stream(3, 1000))
    assert sum(part.transactions.num_rows for part in parts) == 1000
    assert [part.day for part in parts] == list(range(3, 3 + len(parts)))
    assert parts[0].transactions.equals(bank.day(3).transactions)
    assert parts[-1].labels["transaction_id"].equals(parts[-1].transactions["transaction_id"])
    assert list(bank.stream(0, 0)) == []


@pytest.mark.parametrize(
    ("seed", "customers", "start"),
    [(-1, 100, START), (1, 10, START), (1, 100, datetime(2026, 1, 1)), (1, 100, START + timedelta(hours=3))],
)
def test_what_cannot_be_made_is_refused(seed: int, customers: int, start: datetime) -> None:
    with pytest.raises(SimulationError, match="expected"):
        SimulatedBank(seed, customers, start=start)


def test_no_day_before_the_start() -> None:
    with pytest.raises(SimulationError, match="day >= 0"):
        SimulatedBank(1, 100, start=START).day(-1)
