"""A back-test in Spark's workers counts what this process counts."""

from __future__ import annotations

from typing import Any

import pytest

from include.pipeline.backtest_replay import Order, scored_batches
from include.pipeline.backtest_run import backtest
from include.spark.backtest import SparkEngine
from include.stores.lake.files import Lake
from tests.pipeline.ruled_bank import RuledBank, rule_text

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]


def test_spark_counts_what_this_process_counts(spark: Any, tmp_path: Any) -> None:
    bank = RuledBank.of(Lake((tmp_path / "lake").as_uri()))
    bank.score(6)
    bank.put("blocked_account", "account_is_blocked = 1", share=0.5)
    for account in bank.stream["account_id"].unique().to_pylist()[:20]:
        bank.block(account)
    bank.train(1)
    bank.score(6)
    order = Order(rule_id="wide", text=rule_text("wide", "amount > 30 AND account_is_blocked = 0"), share=0.6)
    engine = SparkEngine(lambda: spark)
    here, there = (backtest(bank.lake, order, engine, spark_from_rows=rows) for rows in (10**9, 0))
    assert (here.engine, there.engine) == ("process", "spark")
    assert (there.counts, there.differs, there.batches) == (here.counts, 0, len(scored_batches(bank.lake)))
    assert there.rules["wide"].hits > 0
    assert bank.lake.names("backtests") == []  # the labels lay there for the workers
