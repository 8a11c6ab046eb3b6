"""The demo's command line: ``python -m include.local.demo --transactions 20000 --rate 200 --seed 7``."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from include.local.__main__ import keep_private, print_addresses
from include.local.demo.run import DemoOrder, run_demo
from include.local.errors import LocalStackError
from include.reports.checks import exit_code
from include.settings import SettingsRefused, settings


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m include.local.demo", description=__doc__)
    default = DemoOrder()
    parser.add_argument("--transactions", type=int, default=default.transactions, help="records to send")
    parser.add_argument("--rate", type=float, default=default.rate, help="records a second; 0: full speed")
    parser.add_argument("--seed", type=int, default=default.seed, help="of the simulated bank")
    parser.add_argument("--customers", type=int, default=default.customers, help="0: as many as needed")
    parser.add_argument("--training-days", type=int, default=default.training_days)
    parser.add_argument("--report", type=Path, default=None, help="default: reports/demo.json")
    options = parser.parse_args(arguments)
    if options.transactions < 1 or options.rate < 0 or options.seed < 0:
        parser.error(
            f"expected TRANSACTIONS >= 1, RATE >= 0 and SEED >= 0, got {options.transactions}, "
            f"{options.rate:g} and {options.seed}"
        )
    # The broker has just started: the client says that it tries again, which the progress shows anyway.
    logging.getLogger("include.transactions.producer").setLevel(logging.ERROR)
    order = DemoOrder(
        options.transactions, options.rate, options.seed, options.customers, options.training_days
    )
    try:
        now = settings()
        keep_private(now)
        record = run_demo(now, order, options.report or now.reports_dir / "demo.json")
    except (LocalStackError, SettingsRefused) as problem:
        print(problem, file=sys.stderr)
        return 1
    print("\nThe stack goes on running:")
    print_addresses(now)
    return exit_code(record.checks())


if __name__ == "__main__":
    sys.exit(main())
