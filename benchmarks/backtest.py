"""``make bench-backtest``: a back-test in Spark on two cores, transactions a second.

The lake is made by laying a simulated one side by side: each copy has its own batches, the transactions' ids and
times are those of the first. Half an hour of live batches is written in pieces of ``--batch`` rows, as the live path
writes them: a large file would be faster than anything live.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Console

from benchmarks.history import START, History
from benchmarks.stack import conclude, own_servers
from include.detection.scoring import score_batch
from include.detection.training import TrainingSettings
from include.governance.rule_book import RuleBook
from include.pipeline.backtest_replay import Order
from include.pipeline.backtest_run import backtest
from include.pipeline.models import model_registry
from include.pipeline.rule_texts import rule_text
from include.reports.checks import Bound, Check
from include.rules.columns import rule_columns
from include.settings import HOST, settings
from include.spark.backtest import SparkEngine
from include.spark.session import connect
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, scored_file
from include.transactions.schema import ACCEPTED_SCHEMA
from include.transactions.simulator import SimulatedBank

DAYS = 30
#: Ten million in ten minutes.
MUST_A_SECOND = 10_000_000 / 600
DRAFT = "blocked_counterparty"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 if it is fast enough."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backtest", description=__doc__)
    parser.add_argument("--transactions", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=1_000, help="transactions a batch")
    parser.add_argument("--customers", type=int, default=2_000)
    options = parser.parse_args(arguments)
    console = Console()
    with tempfile.TemporaryDirectory(prefix="bench-backtest-") as folder:
        lake = Lake(Path(folder).as_uri())
        with console.status("a month of history, a model of it, and the lake"):
            rows = _fill(lake, options.transactions, options.batch, options.customers)
        with own_servers("spark") as now:
            session = connect(f"sc://{HOST}:{now.ports.spark_connect}/;user_id=bench", lake)
            try:
                _measure(lake, session, rows, console, "")  # the workers import and load what they keep
                checks = [_measure(lake, session, rows, console, text) for text in ("", rule_text(DRAFT))]
            finally:
                session.stop()  # before the server goes, or the client waits for it for minutes
    return conclude("bench-backtest", checks, {"transactions": rows, "batch": options.batch})


def _measure(lake: Lake, session: Any, rows: int, console: Console, text: str) -> Check:
    order = Order(rule_id=DRAFT if text else "", text=text)
    record = backtest(lake, order, SparkEngine(lambda: session), spark_from_rows=0)
    console.print(
        f"{record.rows:,} of {rows:,} in {record.seconds:.1f} s, {record.differs} decided otherwise"
    )
    if record.rows != rows or record.differs:
        raise RuntimeError(
            "expected every transaction, decided as it was; the benchmark measures something else"
        )
    name = "transactions a second, a draft" if text else "transactions a second, the live set"
    return Check(name, record.rows / record.seconds, Bound(">=", MUST_A_SECOND))


def _fill(lake: Lake, wanted: int, size: int, customers: int) -> int:
    bank = SimulatedBank(11, customers, start=START)
    history = History.of(bank, DAYS)
    features = history.features().features
    training = TrainingSettings()
    # Few rounds: how good the model is makes no difference here, its scores are read from the lake.
    boosting = replace(training.boosting, rounds=20, n_jobs=1)
    model = history.train(features, replace(training, boosting=boosting))
    model = model_registry(lake).publish(model)
    book = RuleBook(lake, rule_columns())
    book.publish_shipped(settings().rules_dir)
    active, ledger = book.current(), BatchLedger(lake)
    n = history.transactions.num_rows
    columns = [*history.transactions.columns, pa.array([0] * n, pa.int32()), pa.array(range(n), pa.int64())]
    accepted = pa.table([*columns, history.transactions["occurred_at"]], schema=ACCEPTED_SCHEMA)
    start = min(n // 2, max(0, n - wanted))
    scored = score_batch(accepted.slice(start), features.slice(start), model, active, START)
    batch = rows = 0
    while rows < wanted:
        part = scored.slice((batch * size) % (scored.num_rows - size + 1), min(size, wanted - rows))
        lake.write_table(scored_file(batch), part)
        facts = {"ruleset": active.version, "lists": active.lists, "model": model.version}
        ledger.complete(Stage.SCORED, batch, {"scored": part.num_rows}, facts=facts)
        batch, rows = batch + 1, rows + part.num_rows
    return rows


if __name__ == "__main__":
    sys.exit(main())
