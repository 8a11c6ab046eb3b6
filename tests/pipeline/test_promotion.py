"""A model takes the place of another only after a clean parity check."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from include.alerts.masking import mask_account
from include.detection.errors import PromotionRefused
from include.detection.registry import ModelRegistry
from include.detection.training import TrainingSettings
from include.pipeline import first_model, parity
from include.pipeline.parity_record import read_record


@dataclass(frozen=True)
class Feed:
    """The place of a bank's files; it has none."""

    folder: str = "simulated_banks/none"


@pytest.fixture
def with_model(bank):
    """The bank has a current model: what is promoted does not matter, whether it is does."""
    bank.lake.write_json("models/promotions/00000001.json", {})
    return bank


def registry_of(bank) -> ModelRegistry:
    return ModelRegistry(bank.lake, "models", gate=parity.gate_of(bank.lake))


def test_the_first_model_needs_no_check(bank):
    bank.change(0, 0, "account_count_7d")
    registry_of(bank).ensure_promotable()
    assert read_record(bank.lake) is None


def test_a_check_that_nobody_has_made_yet_is_made(with_model):
    registry_of(with_model).ensure_promotable()
    assert read_record(with_model.lake).holds


def test_after_a_mismatch_it_is_refused_until_a_check_is_clean(with_model):
    row = with_model.change(2, 4, "counterparty_count_7d")
    parity.check(with_model.lake)
    with pytest.raises(PromotionRefused) as raised:
        registry_of(with_model).ensure_promotable()
    masked = f"account {mask_account(row['account_id'])}"
    for part in ("counterparty_count_7d", masked, "batch 2", "run check_parity"):
        assert part in str(raised.value)
    assert row["account_id"] not in str(raised.value)
    with_model.score(range(2, 3))
    with pytest.raises(PromotionRefused):  # mended, but no check has seen it
        registry_of(with_model).ensure_promotable()
    assert parity.check(with_model.lake).holds
    registry_of(with_model).ensure_promotable()


def test_it_is_refused_before_the_training(with_model):
    with_model.change(2, 4, "counterparty_count_7d")
    with pytest.raises(PromotionRefused):
        first_model.fit(Feed(), with_model.lake, registry_of(with_model), TrainingSettings())


def test_as_long_as_nothing_is_scored_the_gate_is_open(make_bank):
    made = make_bank()
    parity.gate_of(made.lake)()
    assert read_record(made.lake) is None
