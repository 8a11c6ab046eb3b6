"""What ``make bench`` works out of what it sees."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.bench import plots
from benchmarks.bench.__main__ import Bench, main
from benchmarks.bench.baselines import show_usual_way
from benchmarks.bench.flow import USUAL_WAY
from benchmarks.bench.growth import Point
from benchmarks.bench.limits import Limits, Source
from benchmarks.bench.measured import Measured, quantiles, stages
from benchmarks.bench.throughput import Course, Sustained
from include.local.airflow_settings import read
from include.reports.checks import failed
from include.settings import Settings
from include.stores.lake.ledger import Stage


def _measured(rate: float, seconds: list[float]) -> Measured:
    values = np.array(seconds)
    return Measured(rate, len(seconds), 10.0, 3, values, values, values)


def test_quantiles_name_the_largest_too() -> None:
    assert quantiles(list(range(101))) == {"p50": 50, "p95": 95, "p99": 99, "max": 100}
    assert quantiles([]) == {"p50": None, "p95": None, "p99": None, "max": None}


def test_stages_are_what_the_manifests_say_in_the_order_of_the_flow() -> None:
    def manifest(began: int, completed: int, **measures: float) -> dict[str, Any]:
        at = "2026-01-01T00:00:{:02}+00:00"
        return {"began_at": at.format(began), "completed_at": at.format(completed), "measures": measures}

    manifests = {
        Stage.ACCEPTED: [manifest(0, 4, wait_seconds=1.0, spark_seconds=3.0, settle_seconds=1.0), {}],
        Stage.SCORED: [manifest(6, 7, duration_seconds=1.0), {}],
        Stage.ALERTED: [manifest(10, 11, duration_seconds=1.0), {}],
        Stage.STORED: [manifest(9, 14, duration_seconds=5.0), {}],
    }
    assert stages(manifests) == {
        "wait for a run": 1, "Spark": 3, "settle": 1, "hop to scoring": 2, "score": 1, "hop to alerting": 3,
        "raise alerts": 1, "hop to loading": 2, "load": 5,
    }  # fmt: skip


def test_a_lag_that_fills_the_pipeline_first_does_not_grow() -> None:
    course = Course(list(range(100)), [min(second * 10, 200) for second in range(100)], [0] * 100)
    assert course.lag_growth(100) == pytest.approx(0, abs=1e-6)
    growing = Course(list(range(100)), [second * 7 for second in range(100)], list(range(100)))
    assert growing.lag_growth(100) == pytest.approx(7)
    assert growing.through_by(50.5) == 50
    assert Course().lag_growth(100) is None


def test_bounds_decide() -> None:
    bench = Bench()
    bench.latency = [_measured(50, [9.0] * 100), _measured(200, [2.0] * 94 + [5.0] * 6)]
    bench.ours = bench.latency[1]
    bench.continuous, bench.usual = _measured(200, [1.0] * 10), _measured(200, [11.0] * 10)
    bench.sustained = Sustained(
        _measured(3000, [1.0]), lag_growth=100.0, stored_a_second=2_900.0, peaks_mib={}
    )
    bench.limits = Limits(10, {"slow": 4_000.0, "fast": 9_000.0})
    bench.growth = [Point(10, 10, 1, {"score": 1.0}), Point(100, 100, 1, {"score": 1.5})]
    assert {check.name for check in failed(bench.checks())} == {
        "200 tx/s, arrival to hand-over, p95, s",
        "p50 of the usual way over ours",
        "stored a second while it was sent",
        "lag does not grow",
        "a batch with 100 stored of 100 accounts, against 10 of 10",
    }
    assert bench.document()["baselines"]["usual_way"]["arrival_to_hand_over_seconds"]["p50"] == 11


def test_nothing_measured_is_no_success() -> None:
    bench = Bench()
    bench.latency = [_measured(200, [])]
    assert {check.name.rpartition(", p")[2][:2] for check in failed(bench.checks())} == {"50", "95", "99"}


def test_the_page_has_a_curve_for_each(tmp_path: Path) -> None:
    page = plots.write(tmp_path, [_measured(200, [1.0, 2.0])], _measured(200, [0.5]), None)
    assert page is not None
    assert page.read_text().count("<polyline") == 3
    assert plots.write(tmp_path, [], None, None) is None


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "latency,speed"])
    assert "got speed" in capsys.readouterr().err


def test_the_usual_way_is_a_dag_only_a_benchmark_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", "")
    monkeypatch.setenv("TIDEWATCH_BENCH_SUBMIT", "")
    show_usual_way(Settings())
    dag = runpy.run_path(str(USUAL_WAY / "usual_way.py"))["score"].dag
    assert [task.task_id for task in dag.topological_sort()][:3] == ["wait", "spark_submit", "score"]
    assert "submit.py" in dag.get_task("spark_submit").bash_command
    assert dag.is_paused_upon_creation


def test_a_bank_is_taken_piece_by_piece_and_none_twice() -> None:
    source = Source(Settings(), 60)
    pieces = [pa.concat_tables(source.pieces(70)) for _ in range(4)]
    names = pa.concat_tables(pieces)["transaction_id"].to_pylist()
    assert len(names) == len(set(names)) == 280


def test_the_continuous_job_has_the_connections_alerts_need(tmp_path: Path) -> None:
    from benchmarks.bench.continuous import connections_environment

    found = connections_environment(Settings(stack_dir=tmp_path))
    assert {"AIRFLOW_CONN_SMTP_DEFAULT", "AIRFLOW_CONN_TWILIO_DEFAULT"} <= set(found)
    assert len(found) <= len(read().connections)
