"""Back-tests where rules alone decided: no model has to be trained, so these are quick."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pytest

from include.pipeline.backtest_page import backtest_page
from include.pipeline.backtest_replay import Order, scored_batches
from include.pipeline.backtest_run import backtest
from include.stores.lake.files import Lake
from include.stores.lake.ledger import Stage, batch_folder
from tests.pipeline.ruled_bank import RuledBank, rule_text


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> RuledBank:
    """The shipped rules, then one about a list, then the list."""
    bank = RuledBank.of(Lake(tmp_path_factory.mktemp("bank").as_uri()))
    bank.score(2, rows=150)
    bank.put("blocked_account", "account_is_blocked = 1")
    bank.score(2, rows=150)
    for account in bank.stream["account_id"].unique().to_pylist()[:20]:
        bank.block(account)
    bank.score(3, rows=150)
    return bank


def test_the_live_set_replayed_is_what_was_decided_live(world: RuledBank) -> None:
    record = backtest(world.lake, Order())
    tables = [
        world.lake.read_table(f"{batch_folder(Stage.SCORED, batch)}/data.parquet")
        for batch in scored_batches(world.lake)
    ]
    live = pa.concat_tables(tables)
    assert (record.rows, record.differs) == (live.num_rows, 0)
    hits = Counter(rule for row in live["rule_hits"].to_pylist() for rule in row)
    assert {rule: found.hits for rule, found in record.rules.items()} == hits
    assert hits["blocked_account"] > 0
    assert all(day.budget == 0 for day in record.days)


def test_a_draft_is_seen_beside_the_live_rules(world: RuledBank) -> None:
    order = Order(rule_id="wide", text=rule_text("wide", "amount > 30", action="REVIEW"))
    record = backtest(world.lake, order)
    assert record.differs == 0
    assert set(record.changes) == {"ALLOW → REVIEW"}
    assert record.both("wide", "blocked_account") > 0
    assert record.alone("wide") <= record.rules["wide"].hits


@pytest.mark.parametrize("order", [Order(), Order(rule_id="never", text=rule_text("never", "amount < 0"))])
def test_the_page_tells_it(world: RuledBank, order: Order) -> None:
    record = backtest(world.lake, order)
    page = backtest_page(record)
    wanted: list[Any] = [*record.rules, *(day.day for day in record.days), f"{record.rows:,} transactions"]
    assert [word for word in wanted if word not in page] == []
    assert page.count("<svg") == 2
    assert page.count("<script") == 0
    assert ("never" in page) == bool(order.rule_id)
