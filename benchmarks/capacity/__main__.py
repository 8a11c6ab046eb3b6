"""``make capacity``: what 1,000 to 1,000,000 transactions a second need, from the figures of ``make bench``.

It reads ``reports/bench.json``, shows the plan for each rate, simulates what was measured and what was planned, and
writes ``reports/capacity.json``; exit code 1 if the simulation does not bear the plan out.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.capacity.costs import Costs, FiguresMissing, costs
from benchmarks.capacity.plan import Assumptions, Plan, plan
from benchmarks.capacity.simulation import Course, Lane, simulate
from benchmarks.lag import STEADY
from benchmarks.stack import conclude
from include.reports.checks import Bound, Check
from include.reports.table import terminal
from include.settings import settings

RATES = (1_000.0, 10_000.0, 100_000.0, 1_000_000.0)
_SIMULATED_SECONDS = 300.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Plan, simulate, tell; 0 if the simulation bears the plan out."""
    chosen = Assumptions()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__)
    parser.add_argument("--report", type=Path, default=settings().reports_dir / "bench.json")
    parser.add_argument("--rates", default=",".join(f"{rate:g}" for rate in RATES))
    parser.add_argument(
        "--price", type=float, default=chosen.price_a_core_hour, help="of a processor an hour"
    )
    options = parser.parse_args(arguments)
    try:
        measured = costs(report := json.loads(options.report.read_text(encoding="utf-8")))
    except FileNotFoundError:
        parser.error(f"expected a report at {options.report.name}, there is none; run make bench first")
    except FiguresMissing as error:
        parser.error(str(error))
    chosen = Assumptions(price_a_core_hour=options.price)
    plans = [plan(measured, float(rate), chosen) for rate in options.rates.split(",")]
    console = terminal()
    console.print(_table(plans, chosen))
    checks = [*_against_measured(measured, report["latency"]), *_of_plans(measured, plans, chosen)]
    return conclude("capacity", checks, _document(measured, plans, chosen))


def _against_measured(measured: Costs, stretches: Sequence[Mapping[str, Any]]) -> list[Check]:
    """The simulation of each stretch that was measured, on the machine it was measured on."""
    checks = [
        Check("processor time the fit does not explain, share", round(measured.misfit, 3), Bound("<=", 0.25))
    ]
    for one in stretches:
        course = simulate(measured, Lane(one["rate"], measured.cores), one["records"] / one["rate"])
        seen = one["arrival_to_decision_seconds"]["p50"]
        if seen:
            name = f"simulated p50 to the decision over what was measured, {one['rate']:g} tx/s"
            checks.append(Check(name, round(course.quantile("decided", 0.5) / seen, 2)))
    return checks


def _of_plans(measured: Costs, plans: Sequence[Plan], chosen: Assumptions) -> list[Check]:
    """A lane of each plan on its share of the processors: what waits does not grow."""
    checks = []
    for one in plans:
        course = _lane_of(measured, one, chosen)
        rate = one.rate / one.lanes
        checks += [
            Check(f"{one.rate:,.0f} tx/s: growth of what waits in a lane, share of its rate",
                  round(max(course.lag_growth, 0.0) / rate, 4), Bound("<=", STEADY)),
            Check(f"{one.rate:,.0f} tx/s: p95 to hand-over, simulated, s", round(course.quantile("alerted", 0.95), 2)),
        ]  # fmt: skip
    return checks


def _lane_of(measured: Costs, one: Plan, chosen: Assumptions) -> Course:
    cores = max(math.ceil(one.all_cores / one.lanes), 2)
    lane = Lane(one.rate / one.lanes, cores, one.executors, max(chosen.cadence_seconds, one.batch_seconds))
    return simulate(measured, lane, _SIMULATED_SECONDS)


def _table(plans: Sequence[Plan], chosen: Assumptions) -> Table:
    title = f"Processors {chosen.busy:.0%} busy at most, three copies; {chosen.price_a_core_hour:g} a core and hour"
    table = Table("tx/s", "lanes", "s between batches", "cores", "Cassandra nodes", "brokers", "executors a lane",
                  "partitions", "nearest to its limit", "price an hour", title=title)  # fmt: skip
    for one in plans:
        name, share = one.first
        table.add_row(
            f"{one.rate:,.0f}", str(one.lanes), f"{one.batch_seconds:.1f}", f"{one.all_cores:,}",
            f"{one.nodes.get('cassandra', 0):,}", f"{one.nodes.get('kafka', 0):,}", str(one.executors),
            f"{one.partitions:,}", f"{name} ({share:.0%})", f"{one.all_cores * chosen.price_a_core_hour:,.2f}",
        )  # fmt: skip
    return table


def _document(measured: Costs, plans: Sequence[Plan], chosen: Assumptions) -> dict[str, Any]:
    return {
        "parts_processor_seconds": {
            name: {"batch": round(cost.batch, 4), "record": round(cost.record, 7)}
            for name, cost in measured.parts.items()
        },
        "steps_seconds": {
            name: {"batch": round(cost.batch, 4), "record": round(cost.record, 7)}
            for name, cost in measured.steps.items()
        },
        "plans": [
            {
                "rate": one.rate, "lanes": one.lanes, "batch_seconds": round(one.batch_seconds, 2),
                "cores": {name: round(cores, 2) for name, cores in one.cores.items()}, "nodes": dict(one.nodes),
                "executors": one.executors, "partitions": one.partitions, "nearest_to_its_limit": list(one.first),
                "price_an_hour": round(one.all_cores * chosen.price_a_core_hour, 2),
            }
            for one in plans
        ],
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
