"""What a challenger learns from."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.features.catalogue import FEATURE_NAMES
from include.pipeline.training_set import labelled, newest
from include.stores.lake.ledger import Stage, batch_folder
from tests.pipeline.conftest import LiveBank


def scored(bank: LiveBank) -> pa.Table:
    paths = [f"{batch_folder(Stage.SCORED, batch)}/data.parquet" for batch in range(bank.scored)]
    return pa.concat_tables([bank.lake.read_table(path) for path in paths])


def test_rows_are_those_of_live_scoring_with_what_is_known_now(bank: LiveBank) -> None:
    bank.tell([(0, 3), (2, 69)])
    bank.tell([(0, 3)], fraud=False)  # the newer word counts
    as_of = newest(bank.lake)
    rows = labelled(bank.lake, as_of, days=60, delay_days=0, max_rows=10_000)
    live = scored(bank)
    assert as_of == pc.max(live["occurred_at"].slice(140)).as_py()
    assert set(rows.table["transaction_id"].to_pylist()) <= set(live["transaction_id"].to_pylist())
    assert len(rows.fraud) >= 208  # all but the newest, which has only just happened
    frauds = np.array(rows.table["transaction_id"].to_pylist())[rows.fraud]
    assert frauds.tolist() == [live["transaction_id"][209].as_py()]
    assert np.all(np.diff(rows.occurred_at.astype(np.int64)) >= 0)
    by_id = {row["transaction_id"]: row for row in live.select(["transaction_id", "features"]).to_pylist()}
    first = rows.features.slice(0, 1).to_pylist()[0]
    used = by_id[rows.table["transaction_id"][0].as_py()]["features"]
    assert all(np.array_equal(first[name], used[name], equal_nan=True) for name in FEATURE_NAMES)


def test_young_rows_count_only_if_somebody_has_spoken_of_them(bank: LiveBank) -> None:
    bank.tell([(2, 60)])
    rows = labelled(bank.lake, newest(bank.lake), days=60, delay_days=7, max_rows=10_000)
    assert rows.fraud.tolist() == [True]


def test_a_window_is_cut_out_of_time(bank: LiveBank) -> None:
    as_of = newest(bank.lake)
    rows = labelled(bank.lake, as_of, days=60, delay_days=0, max_rows=10_000)
    middle = as_of - timedelta(hours=1)
    early, late = rows.between(as_of - timedelta(days=9), middle), rows.between(middle, as_of)
    assert len(early.fraud) + len(late.fraud) == len(rows.fraud)
    assert early.table.num_rows == len(early.fraud)
    assert all(at < middle for at in early.table["occurred_at"].to_pylist())


def test_more_rows_than_asked_for_become_whole_accounts(bank: LiveBank) -> None:
    everything = labelled(bank.lake, newest(bank.lake), 60, 0, 10_000)
    some = labelled(bank.lake, newest(bank.lake), 60, 0, 100)
    assert 0 < len(some.fraud) < len(everything.fraud)
    chosen = set(some.table["account_id"].to_pylist())
    of_them = [name for name in everything.table["account_id"].to_pylist() if name in chosen]
    assert len(of_them) == len(some.fraud)


def test_without_batches_there_is_nothing(tmp_path) -> None:
    from include.stores.lake.files import Lake

    lake = Lake(tmp_path.as_uri())
    assert newest(lake) is None
