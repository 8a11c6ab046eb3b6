"""Part 3: the same stretch of stream by the usual way, and by one continuous job without Airflow."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.bench.continuous import running
from benchmarks.bench.flow import USUAL_WAY, Flow
from benchmarks.bench.measured import Measured
from include.local.airflow_environment import BUNDLES, BUNDLES_VARIABLE
from include.local.jars import class_path, spark_home
from include.local.java import SMALL_MACHINE, java
from include.settings import HOST, PROJECT, Settings

#: What moves batches, or watches those that do not move.
_CHAIN = (
    "process_transactions", "score_transactions", "raise_alerts", "load_cassandra", "sweep_batches", "collect_labels",
)  # fmt: skip
_PAUSE_SECONDS = 5.0


def show_usual_way(now: Settings) -> None:
    """Let an Airflow that is started from this process see the usual way's DAG, switched off."""
    local = "airflow.dag_processing.bundles.local.LocalDagBundle"
    usual = {"name": "usual-way", "classpath": local, "kwargs": {"path": str(USUAL_WAY)}}
    os.environ[BUNDLES_VARIABLE] = json.dumps([*BUNDLES, usual])
    command = [
        str(spark_home() / "bin" / "spark-submit"), "--master", "local[2]", "--conf", "spark.ui.enabled=false",
        "--driver-java-options", " ".join(SMALL_MACHINE),
        "--driver-class-path", class_path(now.jars_dir, "spark"), str(PROJECT / "include" / "spark" / "submit.py"),
        "--kafka", f"{HOST}:{now.ports.kafka}", "--cassandra", HOST, "--cassandra-port", str(now.ports.cassandra),
    ]  # fmt: skip
    os.environ["TIDEWATCH_BENCH_SUBMIT"] = (
        f"JAVA_HOME={shlex.quote(str(java().parent.parent))} {shlex.join(command)}"
    )


@contextmanager
def _chain_off(flow: Flow) -> Iterator[None]:
    for dag in _CHAIN:
        flow.api.pause(dag, True)
    time.sleep(_PAUSE_SECONDS)
    try:
        yield
    finally:
        for dag in _CHAIN:
            flow.api.pause(dag, False)


def usual_way(flow: Flow, rate: float, seconds: float) -> Measured:
    """The stretch by a sensor, ``spark-submit`` and Python tasks in one DAG."""
    with _chain_off(flow):
        flow.api.pause("usual_way", False)
        try:
            return flow.send(rate, seconds)
        finally:
            flow.api.pause("usual_way", True)
            flow.api.stop_runs("usual_way")  # its sensor waits for more


def continuous(flow: Flow, rate: float, seconds: float) -> Measured:
    """The stretch by one continuous job; Airflow idles beside it, which it does not need."""
    with _chain_off(flow), running(flow.now):
        return flow.send(rate, seconds)
