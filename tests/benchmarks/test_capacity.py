"""The capacity model: costs come back from figures made of them, plans hold in the simulation, overload shows."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from benchmarks.capacity.__main__ import main
from benchmarks.capacity.costs import STEPS, Cost, Costs, FiguresMissing, costs
from benchmarks.capacity.plan import ONE_PROCESS, Assumptions, lane_limit, plan
from benchmarks.capacity.simulation import Lane, simulate

PARTS = {
    "scheduler": Cost(0.4, 0.0),
    "tasks": Cost(0.5, 0.0002),
    "cassandra": Cost(0.1, 0.0003),
    "kafka": Cost(0.05, 0.00005),
}
ALONE = {"Spark": 40_000, "settle": 20_000, "score": 15_000, "raise alerts": 60_000, "load": 9_000}
SMALL = {"process": 0.6, "score": 0.2, "raise alerts": 0.1, "load": 0.25}
HOPS = {"wait for a run": 0.4, "hop to scoring": 0.5, "hop to alerting": 0.5, "hop to loading": 0.5}


def report(**changes: Any) -> dict[str, Any]:
    """What ``make bench`` would write of a machine with exactly these costs."""
    stretches = [
        {
            "rate": rate,
            "records": rate * 100,
            "batches": batches,
            "stages_seconds": HOPS,
            "arrival_to_decision_seconds": {"p50": 2.0},
            "processor_seconds": {
                "this process": 3.0,
                **{name: cost.batch * batches + cost.record * rate * 100 for name, cost in PARTS.items()},
            },
        }
        for rate, batches in ((50, 100), (200, 98), (1_000, 80))
    ]
    made = {
        "machine": {"cores": 2},
        "latency": stretches,
        "limits": {"a_second": {limit: ALONE[step] for step, (limit, _) in STEPS.items()}},
        "growth": [{"seconds_a_batch": SMALL}],
    }
    return made | changes


@pytest.fixture(scope="module")
def measured() -> Costs:
    return costs(report())


def test_costs_come_back(measured: Costs) -> None:
    assert measured.misfit < 1e-6
    for name, cost in PARTS.items():
        assert measured.parts[name].batch == pytest.approx(cost.batch, abs=1e-6)
        assert measured.parts[name].record == pytest.approx(cost.record, abs=1e-9)
    assert "this process" not in measured.parts
    assert measured.steps["load"].of(400) == pytest.approx(SMALL["load"])
    assert sum(measured.steps[name].of(400) for name in ("Spark", "settle")) == pytest.approx(
        SMALL["process"]
    )


@pytest.mark.parametrize(
    "changes", [{"limits": None}, {"growth": []}, {"latency": []}, {"latency": report()["latency"][:1]}]
)
def test_a_report_without_what_it_takes_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(FiguresMissing, match="make bench ARGS"):
        costs(report(**changes))


def test_more_transactions_never_need_less(measured: Costs) -> None:
    plans = [plan(measured, rate) for rate in (10, 1_000, 5_000, 20_000, 100_000, 1_000_000)]
    for less, more in pairwise(plans):
        assert less.lanes <= more.lanes
        assert less.all_cores <= more.all_cores
        assert less.partitions <= more.partitions
    assert plans[0].lanes == 1
    assert plans[0].nodes["cassandra"] == plans[0].nodes["kafka"] == 3  # copies want nodes of their own


def test_a_lane_ends_where_one_process_does(measured: Costs) -> None:
    step, most = lane_limit(measured, Assumptions())
    assert step in ONE_PROCESS
    assert plan(measured, most * 0.99).lanes == 1
    over = plan(measured, most * 1.01)
    assert over.lanes == 2


def test_no_number_of_machines_helps_a_step_that_is_too_slow_for_an_empty_batch(measured: Costs) -> None:
    with pytest.raises(ValueError, match="longest_batch_seconds"):
        plan(measured, 100, Assumptions(longest_batch_seconds=0.1))


@pytest.mark.parametrize("rate", [1_000, 10_000, 100_000])
def test_a_planned_lane_keeps_up(measured: Costs, rate: float) -> None:
    made = plan(measured, rate)
    lane = Lane(rate / made.lanes, -(-made.all_cores // made.lanes), made.executors, made.batch_seconds)
    course = simulate(measured, lane, 120)
    assert course.lag_growth <= 0.01 * lane.rate
    assert sum(map(len, course.decided)) == sum(map(len, course.alerted)) == sum(map(len, course.stored))


def test_what_is_too_much_for_a_lane_waits_and_grows(measured: Costs) -> None:
    _, most = lane_limit(measured, Assumptions(busy_step=1.0))
    load_bound = simulate(measured, Lane(2 * most, 64, 16), 60)
    assert load_bound.quantile("stored", 0.95) > 3 * load_bound.quantile("decided", 0.95)
    assert simulate(measured, Lane(200, 1), 60).lag_growth > 0


def test_on_idle_processors_a_record_waits_for_steps_and_hops_alone(measured: Costs) -> None:
    course = simulate(measured, Lane(1, 64), 300)
    # Who arrives while a run begins waits for the rest of that only.
    least = HOPS["hop to scoring"] + sum(measured.steps[name].batch for name in ("Spark", "settle", "score"))
    assert min(map(min, course.decided)) >= least
    assert course.quantile("decided", 0.5) <= least + HOPS["wait for a run"] + 1.0


def test_the_command_tells_and_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    source = tmp_path / "bench.json"
    source.write_text(json.dumps(report()))
    monkeypatch.setattr("benchmarks.stack.settings", lambda: type("Now", (), {"reports_dir": tmp_path})())
    assert main(["--report", str(source), "--rates", "1000,20000"]) == 0
    written = json.loads((tmp_path / "capacity.json").read_text())
    assert [one["rate"] for one in written["plans"]] == [1_000, 20_000]
    assert "20,000" in capsys.readouterr().out
    source.write_text(json.dumps(report(limits=None)))
    with pytest.raises(SystemExit):
        main(["--report", str(source)])
    assert "make bench" in capsys.readouterr().err
