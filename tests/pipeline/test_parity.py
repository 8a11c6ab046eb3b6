"""A lake is scored in this process and its features are held against the log."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from include.features.history import features_of_history
from include.pipeline import parity
from include.pipeline.scoring import score_table
from include.settings import Settings
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, batch_folder
from include.transactions.schema import ACCEPTED_SCHEMA
from include.transactions.simulator.bank import SimulatedBank

START = datetime(2026, 1, 1, tzinfo=UTC)


class NoRules:
    version = "none"

    def evaluate(self, table):
        return [()] * table.num_rows


def arrived(transactions: pa.Table) -> pa.Table:
    n = transactions.num_rows
    columns = [*transactions.columns, pa.array([0] * n, pa.int32()), pa.array(range(n), pa.int64())]
    return pa.table([*columns, transactions["occurred_at"]], schema=ACCEPTED_SCHEMA)


@pytest.fixture
def lake(tmp_path) -> Lake:
    """Two days of history, then a day of live batches from where they end."""
    lake, bank = Lake(tmp_path.as_uri()), SimulatedBank(5, 100, start=START)
    states = features_of_history(pa.concat_tables([bank.day(n).transactions for n in range(2)])).states
    rows = [(kind, key, state) for kind, by_key in states.items() for key, state in by_key.items()]
    columns = dict(zip(("kind", "key", "state"), map(list, zip(*rows, strict=True)), strict=True))
    lake.write_table("simulated_banks/a/states.parquet", pa.table(columns))
    day, store, ledger = arrived(bank.day(2).transactions), parity.starting_states(lake), BatchLedger(lake)
    for number, start in enumerate(range(0, day.num_rows, 70)):
        accepted = day.slice(start, 70)
        scored = score_table(accepted, number, store, None, NoRules(), START + timedelta(days=3))
        for stage, table in ((Stage.ACCEPTED, accepted), (Stage.SCORED, scored)):
            lake.write_table(f"{batch_folder(stage, number)}/data.parquet", table)
            ledger.complete(stage, number, {"rows": table.num_rows})
    return lake


def test_a_lake_scored_by_the_pipeline_is_clean(lake):
    report = parity.parity_of(lake)
    assert report.clean
    assert report.batches == BatchLedger(lake).cursor(Stage.SCORED).next_batch > 1


def test_a_value_changed_in_the_lake_fails_the_command(lake, tmp_path, monkeypatch, capsys):
    path = f"{batch_folder(Stage.SCORED, 1)}/data.parquet"
    scored = lake.read_table(path)
    rows = scored.to_pylist()
    rows[7]["features"]["account_count_7d"] += 1
    lake.write_table(path, pa.Table.from_pylist(rows, schema=scored.schema))
    monkeypatch.setattr(
        parity, "settings", lambda: Settings(lake_uri=lake.uri, reports_dir=tmp_path / "reports")
    )
    assert parity.main() == 1
    told = " ".join(capsys.readouterr().out.split())
    for part in ("batch 1", "account_count_7d", rows[7]["account_id"]):
        assert part in told
    assert "account_count_7d" in (tmp_path / "reports" / "parity.json").read_text()


def test_without_the_states_of_the_history_it_is_not_clean(lake):
    lake.delete_folder("simulated_banks")
    assert not parity.parity_of(lake).clean
