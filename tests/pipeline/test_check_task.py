"""The body of the task of ``check_parity``."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from include.alerts.masking import mask_account
from include.features.errors import ParityBroken
from include.orchestration import checks
from include.pipeline.parity_record import read_record
from include.settings import Settings


@pytest.fixture
def here(monkeypatch):
    """Runs the body on a bank's lake, at the priority of the tests."""

    def run(bank, **params):
        monkeypatch.setattr(checks, "settings", lambda: Settings(lake_uri=bank.lake.uri))
        monkeypatch.setattr(checks.os, "nice", lambda by: 0)
        return checks.check_parity(params)

    return run


def test_it_compares_what_is_new_or_the_whole(bank, here):
    compared = here(bank)
    assert compared > 0
    assert here(bank) == 0
    assert here(bank, whole=True) == compared


def test_it_fails_naming_what_differs_and_leaves_a_record(bank, here):
    row = bank.change(1, 3, "account_count_30d")
    masked = mask_account(row["account_id"])
    with pytest.raises(ParityBroken, match=rf"batch 1, account {masked}.*account_count_30d") as raised:
        here(bank)
    assert row["account_id"] not in str(raised.value)  # it is in the task's log
    assert not read_record(bank.lake).holds


def test_it_is_skipped_before_anything_is_scored(make_bank, here):
    with pytest.raises(AirflowSkipException):
        here(make_bank())
