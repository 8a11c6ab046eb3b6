"""What can be seen of a running stack from outside: its metrics, and the way of single records."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from prometheus_client.parser import text_string_to_metric_families

from include.local.airflow_environment import address
from include.local.clients import http_context
from include.local.secrets import load_secrets
from include.settings import PROJECT, Settings
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, scored_file
from include.stores.lake.names import ARRIVALS
from include.transactions.judging import judge
from include.transactions.schema import ARRIVAL_SCHEMA

Metrics = Mapping[tuple[str, ...], float]


#: The server imports and connects for the first who asks; a part that is late is left out then.
_PATIENCE_SECONDS = 120.0


def metrics_of(stack: Settings) -> Metrics:
    """Samples by name and sorted label values, as Prometheus reads them, of all parts."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        found = _read_metrics(stack, load_secrets(stack.stack_dir).metrics)
        away = [part for (name, part), up in _parts(found) if not up]
        if not away:
            return found
        assert time.monotonic() < end, (
            f"waited {_PATIENCE_SECONDS:.0f} s for the metrics of {', '.join(away)}"
        )
        time.sleep(2)


def _parts(metrics: Metrics) -> list[tuple[tuple[str, ...], float]]:
    return [(key, value) for key, value in metrics.items() if key[0] == "tidewatch_metrics_part_up"]


def _read_metrics(stack: Settings, shown: str) -> Metrics:
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{address(stack)}/fraud-desk/api/metrics", headers={"Authorization": f"Bearer {shown}"}
    )
    with urllib.request.urlopen(request, timeout=30, context=http_context(stack)) as answer:  # noqa: S310
        text = answer.read().decode()
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def is_refused(stack: Settings, token: str) -> bool:
    """Whether the metrics are closed to who shows this token."""
    try:
        _read_metrics(stack, token)
    except urllib.error.HTTPError as error:
        return error.code == 401
    return False


def grown(before: Metrics, after: Metrics, *key: str) -> float:
    """What a counter has grown by."""
    return after[key] - before.get(key, 0)


def trace(*arguments: str) -> subprocess.CompletedProcess[str]:
    """``make trace``, as a command."""
    return subprocess.run(
        [sys.executable, "-m", "include.local.as_reader", sys.executable, "-m", "include.auditing.trace", *arguments],
        cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def ways_of(*arguments: str) -> list[dict[str, Any]]:
    """What it says as JSON."""
    done = trace(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    ways = json.loads(done.stdout)
    assert isinstance(ways, list)
    return ways


def first_alert(stack: Settings) -> dict[str, Any]:
    """The first transaction that was decided ALERT: nothing its account did before could have hidden it."""
    lake = Lake(stack.lake)
    for batch in range(BatchLedger(lake).cursor(Stage.SCORED).next_batch):
        table = lake.read_table(scored_file(batch))
        for row in table.filter(pc.equal(table["decision"], "ALERT")).slice(0, 1).to_pylist():
            return dict(row)
    raise AssertionError("expected an alert in the stream, found none")


def arrivals(stack: Settings) -> pa.Table:
    """All records the lake still has as they arrived."""
    lake = Lake(stack.lake)
    names = [
        f"{ARRIVALS}/{run}/rows/{name}"
        for run in lake.names(ARRIVALS)
        for name in lake.names(f"{ARRIVALS}/{run}/rows")
        if name.endswith(".parquet")
    ]
    whole = pa.concat_tables([lake.read_table(name, ARRIVAL_SCHEMA.names) for name in names])
    return judge(whole, stack.stream.retention)
