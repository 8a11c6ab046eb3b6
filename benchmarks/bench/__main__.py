"""``make bench``: parts one after the other on one bank, the checks across them, ``reports/bench.json``.

The stack's data and logs stay in ``.local/bench`` until the next run.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import sys
from collections.abc import Sequence
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.bench import baselines, plots
from benchmarks.bench.flow import Flow, flow
from benchmarks.bench.growth import Point, growth, many_batches
from benchmarks.bench.limits import Limits, limits
from benchmarks.bench.measured import Measured, quantiles
from benchmarks.bench.throughput import Sustained, sustain
from benchmarks.stack import conclude
from include.reports.checks import Bound, Check
from include.settings import PROJECT, settings

FOLDER = PROJECT / ".local" / "bench"
PARTS = ("latency", "baselines", "throughput", "limits", "growth")
#: Bounds of p50, p95 and p99 from arrival to hand-over, by rate: must, aim. Seconds.
LATENCY: dict[float, dict[str, tuple[float, float]]] = {
    200: {"p50": (2.5, 1.5), "p95": (4, 2.5), "p99": (6, 4)},
    1000: {"p95": (6, 4)},
}
_WARM_UP_SECONDS = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts that are asked for; 0 if every bound holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts, of {', '.join(PARTS)}")
    parser.add_argument("--rates", default="50,200,1000", help="of the part latency, transactions a second")
    parser.add_argument("--seconds", type=float, default=120, help="of each stretch of latency and baselines")
    parser.add_argument("--baseline-rate", type=float, default=200, help="of the baselines and the warm-up")
    parser.add_argument(
        "--throughput", type=float, default=3_000, help="transactions a second to be sustained"
    )
    parser.add_argument("--throughput-seconds", type=float, default=600)
    parser.add_argument("--limit-records", type=int, default=100_000)
    parser.add_argument("--growth", default="10000:100000,1000000:10000000", help="accounts:stored, …")
    parser.add_argument("--batches", type=int, default=5_000, help="after how many a batch is timed again")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    parts = [part for part in options.only.split(",") if part]
    if unknown := set(parts) - set(PARTS):
        parser.error(f"expected parts out of {', '.join(PARTS)}, got {', '.join(sorted(unknown))}")
    # Brokers that have just started, customers nobody has loaded: warnings, a line for each batch.
    logging.disable(logging.WARNING)
    console, bench = Console(), Bench()
    rates = [float(rate) for rate in options.rates.split(",")]
    if {"latency", "baselines", "throughput"} & set(parts):
        records = _records(parts, rates, options)
        with flow(FOLDER, records, options.seed, console, baselines.show_usual_way) as stream:
            bench.on_the_stack(stream, parts, rates, options)
    if "limits" in parts:
        console.print("[bold]Each component alone[/]")
        bench.limits = limits(options.limit_records)
    if "growth" in parts:
        console.print("[bold]Growth[/]")
        points = [tuple(map(int, point.split(":"))) for point in options.growth.split(",")]
        bench.growth = growth([(accounts, stored) for accounts, stored in points])
        bench.many = many_batches(options.batches)
    plots.write(settings().reports_dir, bench.latency, bench.continuous, bench.usual)
    return conclude("bench", bench.checks(), bench.document())


def _records(parts: Sequence[str], rates: Sequence[float], options: argparse.Namespace) -> int:
    """Records the bank has to be good for."""
    seconds = {
        "latency": sum(rates) * options.seconds,
        "baselines": 3 * options.baseline_rate * options.seconds,
        "throughput": options.throughput * options.throughput_seconds,
    }
    return int(
        sum(taken for part, taken in seconds.items() if part in parts)
        + options.baseline_rate * _WARM_UP_SECONDS
    )


class Bench:
    """What the parts found."""

    def __init__(self) -> None:
        self.latency: list[Measured] = []
        self.continuous: Measured | None = None
        self.usual: Measured | None = None
        self.ours: Measured | None = None  # beside the baselines
        self.sustained: Sustained | None = None
        self.limits: Limits | None = None
        self.growth: list[Point] = []
        self.many: tuple[Point, Point] | None = None

    def on_the_stack(
        self, stream: Flow, parts: Sequence[str], rates: Sequence[float], options: argparse.Namespace
    ) -> None:
        """The parts that need the whole stack."""
        console = stream.console
        stream.send(options.baseline_rate, _WARM_UP_SECONDS)
        if "latency" in parts:
            for rate in rates:
                self.latency.append(_told(console, f"{rate:g} a second", stream.send(rate, options.seconds)))
        if "baselines" in parts:
            of_this_rate = [one for one in self.latency if one.rate == options.baseline_rate]
            self.ours = (
                of_this_rate[0] if of_this_rate else stream.send(options.baseline_rate, options.seconds)
            )
            self.continuous = _told(
                console,
                "one continuous job",
                baselines.continuous(stream, options.baseline_rate, options.seconds),
            )
            self.usual = _told(
                console, "the usual way", baselines.usual_way(stream, options.baseline_rate, options.seconds)
            )
        if "throughput" in parts:
            self.sustained = sustain(stream, options.throughput, options.throughput_seconds)
            _told(console, f"{options.throughput:g} a second", self.sustained.measured)

    def checks(self) -> list[Check]:
        """Everything that was measured, against its bounds."""
        checks = []
        for one in self.latency:
            bounds = LATENCY.get(one.rate, {})
            for name, value in quantiles(one.alerted).items():
                must, aim = (Bound("<=", bound) for bound in bounds[name]) if name in bounds else (None, None)
                checks.append(Check(f"{one.rate:g} tx/s, arrival to hand-over, {name}, s", value, must, aim))
        if self.ours and self.continuous and self.usual:
            ours = quantiles(self.ours.alerted)["p50"]
            checks += [
                Check("p50 of the usual way over ours", _ratio(quantiles(self.usual.alerted)["p50"], ours),
                      Bound(">=", 6), Bound(">=", 10)),
                Check("our p50 over one continuous job's", _ratio(ours, quantiles(self.continuous.alerted)["p50"]),
                      Bound("<=", 3), Bound("<=", 1.5)),
            ]  # fmt: skip
        if self.sustained:
            checks += [
                Check("stored a second while it was sent", round(self.sustained.stored_a_second, 1),
                      Bound(">=", 3_000), Bound(">=", 5_000)),
                Check("lag does not grow", self.sustained.is_sustained, Bound("==", True)),
            ]  # fmt: skip
        if self.limits:
            checks += [
                Check(f"{name}, alone, a second", round(rate)) for name, rate in self.limits.a_second.items()
            ]
        if self.limits and self.sustained:
            name, rate = self.limits.slowest
            checks.append(
                Check(f"share of the limit of the slowest ({name})", round(self.sustained.stored_a_second / rate, 3),
                      Bound(">=", 0.5), Bound(">=", 0.7))
            )  # fmt: skip
        if len(self.growth) > 1:
            first, last = self.growth[0], self.growth[-1]
            checks.append(
                Check(f"a batch with {last.stored:,} stored of {last.accounts:,} accounts, against {first.stored:,} of "
                      f"{first.accounts:,}", _ratio(last.total, first.total), Bound("<=", 1.3), Bound("<=", 1.1))
            )  # fmt: skip
        if self.many:
            checks.append(
                Check(f"a batch after {self.many[1].batches:,} batches, against after {self.many[0].batches:,}",
                      _ratio(self.many[1].total, self.many[0].total), Bound("<=", 1.3), Bound("<=", 1.1))
            )  # fmt: skip
        return checks

    def document(self) -> dict[str, Any]:
        """Everything for the report."""
        return {
            "machine": {
                "processor": platform.processor() or platform.machine(),
                "cores": os.cpu_count(),
                "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
            },
            "latency": [one.document() for one in self.latency],
            "baselines": {
                name: one.document()
                for name, one in (
                    ("ours", self.ours),
                    ("continuous", self.continuous),
                    ("usual_way", self.usual),
                )
                if one
            },
            "throughput": self.sustained and self.sustained.document(),
            "limits": self.limits and self.limits.document(),
            "growth": [point.document() for point in self.growth],
            "many_batches": [point.document() for point in self.many or ()],
        }


def _ratio(above: float | None, below: float | None) -> float | None:
    return round(above / below, 3) if above is not None and below else None


def _told(console: Console, title: str, measured: Measured) -> Measured:
    table = Table("seconds from the broker", "p50", "p95", "p99", "max", title=title)
    rows = {
        "to the decision": measured.decided,
        "to Cassandra": measured.stored,
        "to hand-over": measured.alerted,
    }
    for name, values in rows.items():
        table.add_row(
            name, *("-" if value is None else f"{value:.2f}" for value in quantiles(values).values())
        )
    console.print(table)
    console.print(
        "  a batch: "
        + ", ".join(f"{name} {value:.2f}" for name, value in measured.stages.items() if value is not None),
        highlight=False,
    )
    if measured.problem:
        console.print(f"[red]Problem:[/] {measured.problem}")
    return measured


if __name__ == "__main__":
    sys.exit(main())
