"""``make bench-scoring``: features, rules and models on one core, transactions a second.

The process is tied to one core and its processor time is counted, so other load on the machine slows
the benchmark down and does not change its result. State reads and writes are apart: states are at hand.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from benchmarks.history import START, History
from include.detection.bundle import ModelBundle
from include.detection.scoring import score_batch
from include.detection.training import TrainingSettings
from include.features.compute import compute, keys_of
from include.reports.checks import Bound, Check, exit_code
from include.reports.table import checks_table
from include.rules.columns import rule_columns
from include.rules.loader import load_rules
from include.settings import settings
from include.transactions.schema import ACCEPTED_SCHEMA
from include.transactions.simulator import SimulatedBank

DAYS = 30
MUST_A_SECOND = 15_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 if it is fast enough."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scoring", description=__doc__)
    parser.add_argument("--batch", type=int, default=10_000, help="transactions a batch")
    parser.add_argument("--batches", type=int, default=4)
    parser.add_argument("--customers", type=int, default=5_000)
    options = parser.parse_args(arguments)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    console = Console()
    with console.status("a month of history, and a model of it"):
        model, batches = _prepare(options.customers, options.batch, options.batches)
    rules = load_rules(settings().rules_dir, rule_columns())
    spent: dict[str, list[float]] = {"features": [], "rules": [], "scoring": []}
    for accepted, states, labels in batches:
        began = time.process_time()
        features = compute(accepted, states, labels=labels).features
        computed = time.process_time()
        score_batch(accepted, features, model, rules, START)
        scored = time.process_time()
        joined = accepted
        for name in features.column_names:
            joined = joined.append_column(name, features[name])
        again = time.process_time()
        rules.evaluate(joined)
        spent["features"].append(computed - began)
        spent["rules"].append(time.process_time() - again)
        spent["scoring"].append(scored - computed)
    # The first batch loads and compiles what the later ones find ready.
    median = {name: float(np.median(values[1:])) for name, values in spent.items()}
    seconds = median["features"] + median["scoring"]
    check = Check("transactions a second on one core", options.batch / seconds, Bound(">=", MUST_A_SECOND))
    table = Table(
        "step", "ms a batch", "transactions a second", title=f"{options.batch:,} transactions a batch"
    )
    parts = {
        "features": median["features"],
        "rules": median["rules"],
        "models, decision, reasons": median["scoring"] - median["rules"],
    }
    for name, value in parts.items():
        table.add_row(name, f"{value * 1000:.0f}", f"{options.batch / value:,.0f}")
    console.print(table)
    console.print(checks_table([check]))
    folder = settings().reports_dir
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "batch": options.batch,
        "seconds": {name: round(value, 4) for name, value in parts.items()},
        "checks": [check.document()],
    }
    (folder / "scoring.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    console.print("written: scoring.json")
    return exit_code([check])


def _prepare(
    customers: int, size: int, count: int
) -> tuple[ModelBundle, list[tuple[pa.Table, Any, pa.Table]]]:
    bank = SimulatedBank(11, customers, start=START)
    history = History.of(bank, DAYS)
    result = history.features()
    settings_ = TrainingSettings()
    model = history.train(result.features, replace(settings_, boosting=replace(settings_.boosting, n_jobs=1)))
    made, states = [], {kind: dict(by_key) for kind, by_key in result.states.items()}
    live = pa.concat_tables([day.transactions for day in bank.stream(DAYS, size * count)])
    for start in range(0, size * count, size):
        accepted = _arrived(live.slice(start, size))
        wanted = keys_of(accepted)
        at_hand = {
            kind: {key: states[kind][key] for key in keys if key in states[kind]}
            for kind, keys in wanted.items()
        }
        made.append((accepted, at_hand, history.labels.slice(0, 0)))
        for kind, changed in compute(accepted, at_hand).states.items():
            states[kind].update(changed)
    return model, made


def _arrived(transactions: pa.Table) -> pa.Table:
    n = transactions.num_rows
    columns = [*transactions.columns, pa.array(np.zeros(n, np.int32)), pa.array(np.arange(n))]
    return pa.table([*columns, transactions["occurred_at"]], schema=ACCEPTED_SCHEMA)


if __name__ == "__main__":
    sys.exit(main())
