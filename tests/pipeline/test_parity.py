"""A lake is scored in this process and its features are held against the log."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from include.alerts.masking import mask_account
from include.features.errors import ParityBroken
from include.features.history import features_of_history
from include.pipeline import first_model, parity
from include.pipeline.batch_log import STATES
from include.pipeline.parity_record import RECORD, checked_until, read_record
from include.pipeline.states import write_states
from include.settings import Settings
from include.stores.lake.ledger import Stage, batch_folder
from include.stores.memory.state import MemoryStateStore

pytestmark = pytest.mark.slow


def test_a_lake_scored_by_the_pipeline_is_clean(bank):
    record = parity.check(bank.lake)
    assert record.holds
    assert (record.first_batch, record.next_batch, record.rows) == (0, 3, 210)
    assert record.values > record.rows
    assert read_record(bank.lake) == record
    assert checked_until(bank.lake) == 3


def test_the_next_check_goes_on_where_the_last_was_clean(bank):
    parity.check(bank.lake)
    bank.run(2)
    record = parity.check(bank.lake)
    assert record.holds
    assert (record.first_batch, record.next_batch) == (3, 5)
    nothing_new = parity.check(bank.lake)
    assert nothing_new.holds
    assert nothing_new.batches == 0
    assert parity.check(bank.lake, whole=True).batches == 5


def test_what_goes_on_notices_a_state_the_live_store_lost(bank):
    parity.check(bank.lake)
    bank.accept(1)
    replace(bank, states=MemoryStateStore()).score(range(3, 4))
    record = parity.check(bank.lake)
    assert not record.holds
    assert all("batch 3" in mismatch for mismatch in record.mismatches)


@pytest.mark.parametrize("checked_between", [False, True])
def test_a_batch_scored_a_second_time_leaves_parity_clean(bank, checked_between):
    if checked_between:
        parity.check(bank.lake)
    path = f"{batch_folder(Stage.SCORED, 1)}/data.parquet"
    before = bank.lake.read_bytes(path)
    assert bank.score(range(1, 2)) == [1]
    assert bank.lake.read_bytes(path) == before
    bank.run(1)
    record = parity.check(bank.lake)
    assert record.holds
    assert (record.first_batch, record.next_batch) == (0, 4)


def test_a_changed_feature_is_named_with_its_account_and_batch(bank):
    row = bank.change(1, 7, "account_count_7d")
    record = parity.check(bank.lake)
    assert not record.holds
    assert record.mismatched == 1
    with pytest.raises(ParityBroken) as raised:
        record.require_clean()
    for part in (
        "account_count_7d",
        f"account {mask_account(row['account_id'])}",
        "batch 1",
        "run check_parity",
    ):
        assert part in str(raised.value)
    document = bank.lake.read_json(RECORD)
    assert document["holds"] is False
    assert checked_until(bank.lake) == 0


def test_a_batch_changed_after_a_clean_check_is_compared_again(bank):
    parity.check(bank.lake)
    bank.run(2)
    parity.check(bank.lake)
    bank.change(3, 2, "account_count_7d")
    record = parity.check(bank.lake)
    assert not record.holds
    # From the states that the first check ended with: earlier batches are not computed again.
    assert (record.first_batch, record.mismatched) == (3, 1)
    bank.score(range(3, 4))
    assert parity.check(bank.lake).holds


def test_deleted_batches_are_not_needed_for_the_next_check(bank):
    parity.check(bank.lake)
    bank.run(2)
    for number in range(3):
        for stage in (Stage.SCORED, Stage.ACCEPTED):
            bank.lake.delete_folder(batch_folder(stage, number))
    assert parity.check(bank.lake, whole=True).first_batch == 3
    # Batch 3 is older than every state that is kept now, so it goes unchecked and is named.
    bank.lake.delete_file(f"{STATES}/batch=0000000003.parquet")
    bank.change(3, 2, "account_count_7d")
    record = parity.check(bank.lake)
    assert (record.first_batch, record.not_compared) == (5, (3,))


def test_a_check_that_cannot_be_made_is_not_clean(bank):
    parity.check(bank.lake)
    bank.run(1)
    bank.lake.delete_folder(batch_folder(Stage.SCORED, 3))
    with pytest.raises(FileNotFoundError):
        parity.check(bank.lake)
    record = read_record(bank.lake)
    assert not record.holds
    assert "FileNotFoundError" in record.trouble
    assert record.last_clean.next_batch == 3
    bank.score(range(3, 4))
    assert parity.check(bank.lake).holds


def test_without_a_beginning_it_says_what_is_missing(bank):
    bank.lake.delete_folder(batch_folder(Stage.ACCEPTED, 0))
    with pytest.raises(ParityBroken, match=r"expected batch 0 in the lake.*from 1 on"):
        parity.check(bank.lake)


def test_states_are_kept_for_as_many_batches_as_may_be_repeated(bank, monkeypatch):
    monkeypatch.setattr(parity, "REPEATABLE_BATCHES", 2)
    for _ in range(3):
        parity.check(bank.lake)
        bank.run(1)
    parity.check(bank.lake)
    assert bank.lake.names(STATES) == [f"batch=000000000{n}.parquet" for n in (4, 5, 6)]


def test_without_the_states_of_the_history_it_is_not_clean(bank):
    bank.lake.delete_folder("simulated_banks")
    assert not parity.check(bank.lake).holds


def test_a_second_bank_is_taken_up_where_its_states_were_loaded(bank):
    """Both banks pay the same merchants: a key that has a state by then keeps it."""

    class Feed:
        folder = "simulated_banks/0"  # sorts before the bank that was there first

    day = bank.stream.drop_columns(["kafka_partition", "kafka_offset", "arrived_at"])
    write_states(bank.lake, f"{Feed.folder}/states.parquet", features_of_history(day.slice(0, 420)).states)
    loaded = first_model.load_states(Feed(), bank.lake, bank.states)
    assert loaded > 0
    bank.run(2)
    assert parity.check(bank.lake).holds
    assert first_model.load_states(Feed(), bank.lake, bank.states) == 0
    assert first_model.loaded_before(bank.lake, Feed.folder) == 3
    bank.lake.write_json(f"{Feed.folder}/loaded.json", {"before_batch": 0})
    assert not parity.check(bank.lake, whole=True).holds


def test_nothing_scored_is_neither_clean_nor_recorded(make_bank):
    made = make_bank()
    assert not parity.check(made.lake).holds
    assert read_record(made.lake) is None


@pytest.mark.parametrize("changed", [False, True])
def test_the_command_says_and_records_the_same(bank, changed, tmp_path, monkeypatch, capsys):
    row = bank.change(1, 7, "account_count_7d") if changed else None
    monkeypatch.setattr(
        parity, "settings", lambda: Settings(lake_uri=bank.lake.uri, reports_dir=tmp_path / "reports")
    )
    assert parity.main() == int(changed)
    told = " ".join(capsys.readouterr().out.split())
    if row:
        for part in ("batch 1", "account_count_7d", mask_account(row["account_id"])):
            assert part in told
        assert row["account_id"] not in told
    document = json.loads((tmp_path / "reports" / "parity.json").read_text())
    assert document == bank.lake.read_json(RECORD)
    assert document["holds"] is not changed


def test_only_one_state_a_key_is_held():
    versions = parity.NewestStateStore()
    for batch in range(3):
        versions.write("account", {"a": bytes([batch])}, batch)
    versions.add_missing("account", {"a": b"x", "b": b"y"})
    assert versions.read("account", ["a", "b", "c"], 3) == {"a": b"\x02", "b": b"y"}
    both = MemoryStateStore()
    both.write("account", {"a": b"\x02"}, 2)
    assert both.read("account", ["a"], 3) == versions.read("account", ["a"], 3)
