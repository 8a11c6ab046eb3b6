"""Scoring batches: what is known when, by which model, and the same again when it is done again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.detection.scoring import score_batch
from include.features.catalogue import FEATURE_NAMES
from include.features.labels import JOINED_LABEL_SCHEMA
from include.governance.incidents import open_incidents
from include.governance.shares import in_share
from include.pipeline import parity
from include.pipeline.bank import BankFeed
from include.pipeline.batch_log import labels_of
from include.pipeline.scoring import Candidate, Configuration, Models, score_table
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, batch_folder
from include.stores.memory.state import MemoryStateStore
from tests.pipeline.conftest import LiveBank, NoRules


def tell(bank: LiveBank, batch: int, row: int) -> str:
    """Call a scored transaction fraud; returns its counterparty."""
    bank.tell([(batch, row)])
    counterparty: str = scored(bank, batch)["counterparty_id"][row].as_py()
    return counterparty


def scored(bank: LiveBank, batch: int) -> pa.Table:
    return bank.lake.read_table(f"{batch_folder(Stage.SCORED, batch)}/data.parquet")


def known_frauds(bank: LiveBank, counterparty: str, batches: range) -> float:
    tables = pa.concat_tables([scored(bank, batch) for batch in batches])
    rows = tables.filter(pc.equal(tables["counterparty_id"], counterparty))
    values = [row["counterparty_known_frauds_30d"] for row in rows["features"].to_pylist()]
    assert values, "the counterparty does not come again: choose another row"
    return max(values)


def busy_row(bank: LiveBank, batch: int, later: range) -> int:
    """A row whose counterparty comes again."""
    again = set(
        pa.concat_tables([bank.stream.slice(n * 70, 70) for n in later])["counterparty_id"].to_pylist()
    )
    return next(
        row for row, name in enumerate(scored(bank, batch)["counterparty_id"].to_pylist()) if name in again
    )


def test_live_scoring_sees_a_label_from_the_next_batch_on_and_parity_agrees(bank: LiveBank) -> None:
    counterparty = tell(bank, 0, busy_row(bank, 0, range(3, 6)))
    bank.run(3)
    assert labels_of(bank.lake, 3).num_rows == 1
    assert labels_of(bank.lake, 4) is None
    assert (bank.ledger.manifest(Stage.SCORED, 3) or {})["labels_until"] == 1
    assert known_frauds(bank, counterparty, range(3, 6)) == 1
    record = parity.check(bank.lake)
    assert record.holds
    assert record.mismatched == 0


def test_a_batch_done_again_knows_what_it_knew(bank: LiveBank) -> None:
    row = busy_row(bank, 0, range(3, 5))
    tell(bank, 0, row)
    bank.run(2)
    path = f"{batch_folder(Stage.SCORED, 4)}/data.parquet"
    before = bank.lake.read_bytes(path)
    tell(bank, 1, 0)  # comes to be known after batch 4
    bank.score(range(4, 5))
    assert bank.lake.read_bytes(path) == before
    bank.run(1)
    assert labels_of(bank.lake, 5).num_rows == 1


def test_a_configuration_survives_its_manifest() -> None:
    one = Configuration("m1", datetime.now(UTC), "r1", 2, 3, Candidate("m2", 0.1))
    assert Configuration.of(one.facts()) == one
    assert Configuration.of(replace(one, model=None, candidate=None).facts()).candidate is None


@pytest.mark.slow
def test_a_candidate_decides_on_its_share_of_the_accounts_and_on_no_other(
    bank: LiveBank, bundle, other_bundle
) -> None:
    accepted = bank.stream.slice(0, 400)
    moment = datetime.now(UTC)
    both = score_table(accepted, 0, MemoryStateStore(), Models(bundle, other_bundle, 0.3), NoRules(), moment)
    assert both["transaction_id"].equals(accepted["transaction_id"])
    chosen = in_share(accepted["account_id"], 0.3, salt=other_bundle.version)
    named = np.array(both["model_version"].to_pylist())
    assert 0.1 < chosen.mean() < 0.6
    assert set(named[chosen]) == {other_bundle.version}
    assert set(named[~chosen]) == {bundle.version}
    features = pa.table({name: both["features"].combine_chunks().field(name) for name in FEATURE_NAMES})
    alone = score_batch(accepted, features, bundle, NoRules(), moment)
    assert np.array(alone["score"])[~chosen].tolist() == np.array(both["score"])[~chosen].tolist()


def test_labels_of_a_try_that_was_cut_off_are_replaced_by_those_of_the_next(bank: LiveBank) -> None:
    tell(bank, 0, 0)
    bank.accept(1)
    bank.lake.write_table(
        f"{batch_folder(Stage.SCORED, 3)}/labels.parquet", JOINED_LABEL_SCHEMA.empty_table()
    )
    tell(bank, 1, 0)
    bank.score(BatchLedger(bank.lake).due(Stage.SCORED))
    assert labels_of(bank.lake, 3).num_rows == 2


def test_history_labels_end_where_the_live_ones_begin(tmp_path) -> None:
    now = datetime(2026, 3, 10, 12, tzinfo=UTC)
    feed = BankFeed(Lake(tmp_path.as_uri()), seed=3, customers=150, training_days=3, now=now)
    before = feed.history_labels()
    after = feed.labels(now + timedelta(days=30))
    assert before
    assert after
    assert max(label.labelled_at for label in before) < min(label.labelled_at for label in after)


def test_a_broken_audit_chain_is_an_incident_and_scoring_goes_on(bank: LiveBank) -> None:
    head = bank.lake.read_bytes("audit/decisions/head.json")
    bank.lake.write_bytes("audit/decisions/head.json", b"{}")
    bank.run(1)
    (incident,) = open_incidents(bank.lake)
    assert incident.key == "audit"
    assert "batch 3 has no seal" in incident.words
    bank.lake.write_bytes("audit/decisions/head.json", head)
    bank.run(1)
    assert open_incidents(bank.lake) == ()
