"""``python -m benchmarks.chaos``: faults on purpose, on an embedded stack of its own; exit code 1 if a check fails.

The stack's data and logs stay in ``.local/chaos`` until the next run, for those who want to see why.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from benchmarks.chaos.course import ChaosOrder, run_chaos
from benchmarks.chaos.faults import ALL, deck, named
from benchmarks.stack import conclude, own_stack
from include.reports.table import terminal
from include.settings import PROJECT

_FOLDER = PROJECT / ".local" / "chaos"


def main() -> int:
    """Run and tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=100, help="how many")
    parser.add_argument("--seed", type=int, default=7, help="of the deck, the delays and the bank")
    parser.add_argument("--rate", type=float, default=40.0, help="transactions a second")
    parser.add_argument(
        "--only", default="", help="parts of names, separated by commas; e.g. 'kill -9 kafka,pause'"
    )
    parser.add_argument("--folder", type=Path, default=_FOLDER, help="for the stack's data")
    parser.add_argument("--report", default="chaos", help="name of the report")
    options = parser.parse_args()
    if options.faults < 1:
        parser.error(f"expected at least one fault, got {options.faults}")
    try:
        among = named(options.only) or ALL
    except ValueError as error:
        parser.error(str(error))
    # Clients have much to say while their server is away, which is what this is about.
    logging.disable(logging.CRITICAL)
    # Small batches into Spark's workers too, now and then, so that there are some to be killed.
    os.environ.setdefault("TIDEWATCH_STREAM__SPARK_FROM_ROWS", str(int(options.rate * 2)))
    order = ChaosOrder(deck(options.faults, options.seed, among), options.seed, options.rate)
    with own_stack(options.folder) as settings:
        record = run_chaos(settings, order, terminal())
    return conclude(options.report, record.checks, record.document())


if __name__ == "__main__":
    sys.exit(main())
