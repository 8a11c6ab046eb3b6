"""``make bench-training``: features of a long history and a model of them, seconds and memory.

The bank's past is made by a process of its own and not counted. Another process reads it, computes its
features and trains, on two cores; its peak memory is its own, because it starts small. The clock on the
wall counts, so nothing else should run meanwhile. Then a slice is trained twice, the second time in
another process and with the seed that the first model's manifest names: the predictions have to be the same.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from benchmarks.history import START, History
from include.detection.training import TrainingSettings
from include.reports.checks import Bound, Check, exit_code
from include.reports.table import checks_table
from include.settings import settings
from include.transactions.simulator import SimulatedBank

DAYS = 30
CORES = 2
MUST_ROWS = 1_200_000
MUST_SECONDS = 300
MUST_GIB = 6
#: The simulation makes some frauds of every kind in so many transactions.
SLICE = 100_000

_KIB_PER_GIB = 2**20
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training took, and what it says of itself."""

    rows: int
    frauds: int
    seed: int
    feature_seconds: float
    training_seconds: float
    processor_seconds: (
        float  # of both, on all cores: other load on the machine adds to the clock and not here
    )
    peak_gib: float
    average_precision: float | None
    predictions_sha256: str

    @property
    def seconds(self) -> float:
        """Of both steps."""
        return self.feature_seconds + self.training_seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 if training is fast, small and repeatable enough."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000, help="two transactions a day each")
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args(arguments)
    console = Console()
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with console.status("a history"):
            _apart(_make, folder, options.seed, options.customers, options.days)
        with console.status("features and a model of it"):
            whole = _apart(_train, folder, options.seed, None)
        with console.status("a slice of it, twice"):
            first = _apart(_train, folder, options.seed, SLICE)
            again = _apart(_train, folder, first.seed, SLICE)
    checks = [
        Check("transactions trained on", whole.rows, Bound(">=", MUST_ROWS)),
        Check("seconds", whole.seconds, Bound("<=", MUST_SECONDS)),
        Check("processor seconds", whole.processor_seconds),
        Check("GiB at the peak", whole.peak_gib, Bound("<=", MUST_GIB)),
        Check(
            "same predictions from the same seed",
            first.predictions_sha256 == again.predictions_sha256,
            Bound("==", True),
        ),
    ]
    table = Table("step", "seconds", title=f"{whole.rows:,} transactions, {whole.frauds:,} frauds")
    table.add_row("features of the history", f"{whole.feature_seconds:.1f}")
    table.add_row("training", f"{whole.training_seconds:.1f}")
    console.print(table)
    console.print(checks_table(checks))
    path = settings().reports_dir / "bench-training.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "cores": CORES,
        "whole": asdict(whole),
        "slice": [asdict(first), asdict(again)],
        "checks": [check.document() for check in checks],
    }
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    console.print(f"written: {path.name}", highlight=False)
    return exit_code(checks)


def _make(folder: Path, seed: int, customers: int, days: int) -> None:
    History.of(SimulatedBank(seed, customers, start=START), days).save(folder)


def _train(folder: Path, seed: int, rows: int | None) -> Trained:
    """Features of a history, or of its first rows, and a model of them."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    pa.set_cpu_count(CORES)
    began, used = time.perf_counter(), time.process_time()
    history = History.load(folder)
    if rows is not None:
        history = history.first(rows)
    features = history.features().features
    computed = time.perf_counter()
    defaults = TrainingSettings(seed=seed)
    model = history.train(features, replace(defaults, boosting=replace(defaults.boosting, n_jobs=CORES)))
    return Trained(
        rows=model.manifest.rows,
        frauds=model.manifest.frauds,
        seed=model.manifest.seed,
        feature_seconds=computed - began,
        training_seconds=time.perf_counter() - computed,
        processor_seconds=time.process_time() - used,
        peak_gib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB_PER_GIB,
        average_precision=model.manifest.metrics.average_precision,
        predictions_sha256=model.manifest.predictions_sha256,
    )


def _apart(work: Callable[..., Answer], *arguments: object) -> Answer:
    """Do it in a new process, whose peak memory is that of this work alone."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(work, *arguments).result()


if __name__ == "__main__":
    sys.exit(main())
