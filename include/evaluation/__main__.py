"""``make evaluate``: how good detection is on a file of labelled transactions."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from include.detection.errors import DetectionError
from include.detection.training import TrainingSettings
from include.evaluation.dataset import load_dataset
from include.evaluation.errors import EvaluationError, LeakFound
from include.evaluation.experiment import Measured, project_features, run
from include.evaluation.leakage import audit
from include.evaluation.outcome import METRICS, Outcome
from include.evaluation.page import write
from include.evaluation.protocol import History, Protocol
from include.reports.checks import exit_code
from include.reports.table import checks_table, terminal
from include.settings import PROJECT, settings
from include.transactions.errors import TransactionsError

#: The published validation folds of the Fraud Detection Handbook.
FOLDS = "2018-06-20,2018-06-27,2018-07-04,2018-07-11"
MAPPING = PROJECT / "include" / "transactions" / "mappings" / "handbook.yaml"


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m include.evaluation", description=__doc__)
    parser.add_argument("data", type=Path, help="Parquet, CSV or JSON Lines")
    parser.add_argument("--mapping", type=Path, default=MAPPING, help="YAML; the Handbook's by default")
    parser.add_argument("--folds", default=FOLDS, help="first days of training, separated by commas")
    parser.add_argument("--train-days", type=int, default=7)
    parser.add_argument("--delay-days", type=int, default=7, help="days until a label is known")
    parser.add_argument("--test-days", type=int, default=7)
    parser.add_argument("--history", type=History, choices=list(History), default=History.STRICT)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if every check holds, 1 if one does not, 2 if nothing could be measured."""
    options = _arguments(arguments)
    console = terminal()
    try:
        outcome = _evaluate(options, console)
    except (EvaluationError, DetectionError, TransactionsError) as error:
        console.print(f"[red]error:[/] {error}", highlight=False)
        return 2
    console.print(_folds_table(outcome))
    console.print(checks_table(outcome.checks()))
    for path in write(outcome, settings().reports_dir):
        console.print(f"written: {path.name}", highlight=False)
    return exit_code(outcome.checks())


def _evaluate(options: argparse.Namespace, console: Console) -> Outcome:
    protocol = Protocol(options.train_days, options.delay_days, options.test_days, options.history)
    starts = [date.fromisoformat(text.strip()) for text in options.folds.split(",")]
    training = TrainingSettings(seed=options.seed)
    training = replace(training, boosting=replace(training.boosting, n_jobs=options.threads))
    with console.status("reading"):
        data = load_dataset(options.data, options.mapping, options.delay_days)
    with console.status("looking for leaks"):
        leak = None
        try:
            audit(data, project_features)
        except LeakFound as error:
            leak = str(error)
    with console.status("computing features"):
        features = project_features(data.transactions, data.labels())
    folds: list[Measured] = []
    with console.status("training and testing"):
        for fold in run(data, features, starts, protocol, training):
            folds.append(fold)
            console.print(f"{fold.start}: average precision {fold.average_precision:.4f}", highlight=False)
    return Outcome(options.data.name, data.transactions.num_rows, protocol, tuple(folds), leak)


def _folds_table(outcome: Outcome) -> Table:
    names = list(outcome.recall)
    table = Table("training from", "tested", "frauds", "AUC ROC", "AP", "CP@100", title_justify="left")
    table.title = f"{outcome.protocol.history} history; recall at 0.1 % false positives"
    for name in names:
        table.add_column(f"recall {name}")
    table.add_column("seconds")
    for fold in outcome.folds:
        values = [f"{getattr(fold, name):.4f}" for name in METRICS]
        values += [f"{fold.recall[name]:.3f}" if name in fold.recall else "" for name in names]
        table.add_row(str(fold.start), f"{fold.rows:,}", str(fold.frauds), *values, f"{fold.seconds:.1f}")
    mean, deviation = outcome.mean, outcome.deviation
    summary = [f"{mean[name]:.4f} ± {deviation[name]:.4f}" for name in METRICS]
    table.add_section()
    table.add_row("mean", "", "", *summary, *(f"{outcome.recall[name]:.3f}" for name in names), "")
    return table


if __name__ == "__main__":
    sys.exit(main())
