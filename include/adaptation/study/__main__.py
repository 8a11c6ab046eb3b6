"""``make drift-study``: what drift detectors and retraining are worth on changed history."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from include.adaptation.errors import AdaptationError
from include.adaptation.study.loop import Policy
from include.adaptation.study.outcome import Outcome
from include.adaptation.study.page import write
from include.adaptation.study.running import study
from include.adaptation.study.settings import StudySettings
from include.detection.errors import DetectionError
from include.evaluation.dataset import load_dataset
from include.evaluation.errors import EvaluationError
from include.reports.checks import exit_code
from include.reports.table import checks_table, terminal
from include.settings import PROJECT, settings
from include.transactions.errors import TransactionsError

SEEDS = "0,1,2"
MAPPING = PROJECT / "include" / "transactions" / "mappings" / "handbook.yaml"


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m include.adaptation.study", description=__doc__)
    parser.add_argument("data", type=Path, help="Parquet, CSV or JSON Lines")
    parser.add_argument("--mapping", type=Path, default=MAPPING, help="YAML; the Handbook's by default")
    parser.add_argument("--seeds", default=SEEDS, help="separated by commas")
    parser.add_argument("--policies", default=",".join(Policy), help="separated by commas")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if every check holds, 1 if one does not, 2 if nothing could be measured."""
    options = _arguments(arguments)
    console = terminal()
    try:
        outcome = _study(options, console)
    except (AdaptationError, EvaluationError, DetectionError, TransactionsError) as error:
        console.print(f"[red]error:[/] {error}", highlight=False)
        return 2
    for change in sorted({change for change, _ in outcome.names()}):
        console.print(_weeks_table(outcome, change))
    console.print(checks_table(outcome.checks(), "Checks: the value of the worst seed"))
    for path in write(outcome, settings().reports_dir):
        console.print(f"written: {path.name}", highlight=False)
    return exit_code(outcome.checks())


def _study(options: argparse.Namespace, console: Console) -> Outcome:
    chosen = StudySettings()
    seeds = [int(text) for text in options.seeds.split(",")]
    policies = [Policy(text) for text in options.policies.split(",")]
    began = time.monotonic()

    def say(text: str) -> None:
        console.print(f"{(time.monotonic() - began) / 60:5.1f} min  {text}", highlight=False, markup=False)

    say("reading")
    data = load_dataset(options.data, options.mapping, chosen.label_delay_days)
    done = PROJECT / ".local" / "drift-study"
    runs = study(data, chosen, seeds, policies, done, say)
    return Outcome(options.data.name, data.transactions.num_rows, chosen, tuple(runs))


def _weeks_table(outcome: Outcome, change: str) -> Table:
    table = Table("policy", "week from day", "average precision", "recall at 1 %", "alerts", "retrainings")
    table.title, table.title_justify = f"({change[0]}) {change[2:]}: mean over the seeds", "left"
    for name, policy in outcome.names():
        if name != change:
            continue
        for week in outcome.weekly(change, policy):
            precision, recall = week["average_precision"], week["recall_at_budget"]
            table.add_row(
                policy,
                f"{week['first']:+.0f}",
                "" if precision is None else f"{precision:.3f}",
                "" if recall is None else f"{recall:.3f}",
                f"{week['alert_rate']:.2%}",
                f"{week['retrainings']:.1f}",
            )
        table.add_section()
    return table


if __name__ == "__main__":
    sys.exit(main())
