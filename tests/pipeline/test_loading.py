"""What the load of a batch tells the second store of its seal."""

from __future__ import annotations

from include.governance.decisions import decision_chain
from include.pipeline.loading import load
from include.stores.lake.ledger import Stage
from tests.pipeline.audited_bank import BATCHES, flip


def load_all(bank, told):
    due = bank.ledger.due(Stage.STORED)
    return load(due, bank.ledger, bank.lake, lambda table, batch: table.num_rows, told.append)


def test_the_seal_of_each_batch_is_witnessed(audited):
    told = []
    assert load_all(audited, told) == list(range(BATCHES))
    assert told == list(decision_chain(audited.lake).records())


def test_a_changed_seal_is_logged_and_keeps_no_decision_from_being_stored(audited, caplog):
    flip(audited.folder / "audit/decisions/0000000002.json")
    told = []
    assert load_all(audited, told) == list(range(BATCHES))
    assert [record.number for record in told] == [1, 3]
    assert "the seal of batch 1 cannot be witnessed" in caplog.text


def test_a_batch_that_was_never_sealed_is_stored_all_the_same(audited):
    audited.path(Stage.SCORED, 0, "seal.json").unlink()
    told = []
    assert load_all(audited, told) == list(range(BATCHES))
    assert len(told) == BATCHES - 1
