import numpy as np
import pytest

from include.adaptation.errors import StudyRefused
from include.adaptation.study.changes import (
    BURST,
    day_number,
    in_order,
    inflated_amounts,
    new_modus_operandi,
    nothing,
)


def test_nothing_changes_nothing(data, settings):
    assert nothing(data, settings, 0) is data


def test_amounts_are_inflated_from_the_onset_on(data, settings):
    new = inflated_amounts(data, settings, 0)
    before, after = (np.array(one.transactions["amount"].to_pylist(), dtype=float) for one in (data, new))
    later = data.day >= day_number(settings.onset)
    assert (after[~later] == before[~later]).all()
    assert after[later] == pytest.approx(settings.amount_factor * before[later], abs=0.006)
    assert new.truth is data.truth
    assert new.transactions.schema == data.transactions.schema


def test_the_new_pattern_is_bursts_of_ordinary_payments(data, settings):
    new = new_modus_operandi(data, settings, 5)
    added = np.arange(data.transactions.num_rows, new.transactions.num_rows)
    assert (new.typology[added] == BURST).all()
    assert new.fraud[added].all()
    assert new.day[added].min() == day_number(settings.onset)
    assert new.day.max() == data.day.max()
    bursts = new.time[added].reshape(-1, settings.burst_payments)
    assert (bursts.max(axis=1) - bursts.min(axis=1)).max() < 600_000_000
    first_days = new.day[added] < day_number(settings.onset) + 3
    assert first_days.sum() == (1 + 2 + 3) * settings.burst_customers * settings.burst_payments
    pairs = {
        (row["account_id"], row["counterparty_id"], row["amount"]) for row in data.transactions.to_pylist()
    }
    for row in new.transactions.slice(int(added[0])).to_pylist():
        assert (row["account_id"], row["counterparty_id"], row["amount"]) in pairs


def test_the_same_seed_draws_the_same_customers(data, settings):
    one, two, three = (new_modus_operandi(data, settings, seed) for seed in (1, 1, 2))
    assert one.transactions == two.transactions
    assert one.transactions != three.transactions


def test_rows_come_in_the_order_of_time(data, settings):
    new = in_order(new_modus_operandi(data, settings, 1))
    assert (np.diff(new.time) >= 0).all()
    assert new.truth["transaction_id"] == new.transactions["transaction_id"]


def test_a_history_without_a_past_is_refused(data, settings):
    early = settings.model_copy(update={"onset": settings.onset.replace(year=2020)})
    with pytest.raises(StudyRefused, match="got 0"):
        new_modus_operandi(data, early, 1)
