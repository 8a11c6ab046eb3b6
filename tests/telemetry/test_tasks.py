"""What tasks do for telemetry: say which run they are, and hand over traces without ever failing for them."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from opentelemetry.sdk.trace import TracerProvider

from include.orchestration.steps import this_run
from include.orchestration.telemetry import export_traces
from include.settings import settings
from tests.telemetry.chain import Chain
from tests.telemetry.collector import Collector


@pytest.fixture
def lake(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The settings' lake is the chain's; the environment can be changed further."""
    monkeypatch.setenv("TIDEWATCH_LAKE_URI", chain.lake.uri)
    settings.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    settings.cache_clear()


def test_without_a_collector_nothing_is_done(lake: pytest.MonkeyPatch) -> None:
    with pytest.raises(AirflowSkipException, match="TIDEWATCH_OTLP_ENDPOINT"):
        export_traces()


def test_traces_are_handed_over(lake: pytest.MonkeyPatch, collector: Collector) -> None:
    lake.setenv("TIDEWATCH_OTLP_ENDPOINT", collector.endpoint)
    settings.cache_clear()
    export_traces()
    assert {span.name for span in collector.spans} >= {"batch", "spark", "load_cassandra"}


def test_a_collector_that_refuses_is_no_failure(lake: pytest.MonkeyPatch, collector: Collector) -> None:
    collector.status = 400
    lake.setenv("TIDEWATCH_OTLP_ENDPOINT", collector.endpoint)
    settings.cache_clear()
    with pytest.raises(AirflowSkipException, match="handed over later"):
        export_traces()


def test_a_run_is_named_by_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    assert this_run() == {}  # not in a task
    run = SimpleNamespace(dag_id="score_transactions", run_id="asset_triggered__7")
    monkeypatch.setattr("airflow.sdk.get_current_context", lambda: {"dag_run": run})
    assert this_run() == {"dag_id": "score_transactions", "run_id": "asset_triggered__7"}


def test_a_span_of_airflow_is_noted_while_it_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    run = SimpleNamespace(dag_id="d", run_id="r")
    monkeypatch.setattr("airflow.sdk.get_current_context", lambda: {"dag_run": run})
    with TracerProvider().get_tracer("airflow").start_as_current_span("task") as span:
        context = span.get_span_context()
        assert this_run()["span"] == f"{context.trace_id:032x}-{context.span_id:016x}"
    assert "span" not in this_run()
