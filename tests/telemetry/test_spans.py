"""The trace of a batch, and handing it to a collector that speaks OTLP."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from include.stores.lake.ledger import Stage
from include.telemetry import otlp
from include.telemetry.otlp import POSITION, CollectorAway, export_traces
from include.telemetry.spans import batch_spans
from tests.telemetry.chain import Chain, record
from tests.telemetry.collector import Collector


def test_a_batch_has_one_trace_with_a_span_a_stage(chain: Chain, arrived_at: datetime) -> None:
    spans = batch_spans(chain.lake, 0)
    root = spans[0]
    assert [span.name for span in spans] == [
        "batch", "wait", "process_transactions", "spark", "settle", "score_transactions", "raise_alerts",
        "load_cassandra",
    ]  # fmt: skip
    assert root.parent_id is None
    assert root.start == arrived_at
    assert root.attributes["messaging.batch.message_count"] == 3
    assert root.attributes["tidewatch.offsets.0"] == "0-2"
    assert {span.trace_id for span in spans} == {root.trace_id}
    assert len({span.span_id for span in spans}) == len(spans)
    by_name = {span.name: span for span in spans}
    for name in ("wait", "process_transactions", "score_transactions", "raise_alerts", "load_cassandra"):
        assert by_name[name].parent_id == root.span_id
        assert root.start <= by_name[name].start <= by_name[name].end <= root.end
    assert by_name["spark"].parent_id == by_name["process_transactions"].span_id
    assert by_name["wait"].end == by_name["process_transactions"].start
    assert by_name["score_transactions"].attributes["airflow.run_id"] == "asset_triggered__1"
    assert by_name["score_transactions"].attributes["tidewatch.scored"] == 2


def test_a_trace_made_twice_is_the_same(chain: Chain) -> None:
    before = batch_spans(chain.lake, 0)
    chain.score(range(1), alerts=("T-1",), reviews=("T-2",))
    again = batch_spans(chain.lake, 0)
    assert [(span.trace_id, span.span_id, span.start, span.end) for span in again] == [
        (span.trace_id, span.span_id, span.start, span.end) for span in before
    ]
    assert batch_spans(chain.lake, 1)[0].trace_id != before[0].trace_id


def test_a_batch_that_is_not_done_has_no_trace_yet(chain: Chain, arrived_at: datetime) -> None:
    chain.accept(record(9, (0, 3), arrived_at))
    chain.score()
    assert batch_spans(chain.lake, 2) == []


def test_finished_batches_are_handed_over_once(
    chain: Chain, collector: Collector, arrived_at: datetime
) -> None:
    wanted = [span.span_id.to_bytes(8) for batch in (0, 1) for span in batch_spans(chain.lake, batch)]
    done = export_traces(chain.lake, collector.endpoint)
    assert (done.batches, done.spans) == (2, len(wanted))
    assert [span.span_id for span in collector.spans] == wanted
    root, wait = collector.spans[:2]
    assert (root.parent_span_id, wait.parent_span_id) == (b"", root.span_id)
    assert root.start_time_unix_nano == int(arrived_at.timestamp()) * 10**9
    assert export_traces(chain.lake, collector.endpoint).batches == 0
    assert len(collector.requests) == 1
    chain.accept(record(9, (0, 3), arrived_at))  # not done yet
    assert export_traces(chain.lake, collector.endpoint).batches == 0


def test_a_collector_that_refuses_gets_them_later(chain: Chain, collector: Collector) -> None:
    collector.status = 400
    with pytest.raises(CollectorAway, match="check the collector"):
        export_traces(chain.lake, collector.endpoint)
    assert chain.lake.read_json(POSITION) is None
    collector.status = 200
    assert export_traces(chain.lake, collector.endpoint).batches == 2


def test_a_collector_that_is_away_or_slow_is_not_waited_for_long(
    chain: Chain, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "_SECONDS", 0.5)
    collector.delay = 5.0
    for endpoint in (collector.endpoint, "http://127.0.0.1:9"):
        begun = time.monotonic()
        with pytest.raises(CollectorAway):
            export_traces(chain.lake, endpoint)
        assert time.monotonic() - begun < 3


def test_what_is_too_far_behind_is_left_out_and_told(
    chain: Chain, collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(otlp, "MOST_BEHIND", 1)
    done = export_traces(chain.lake, collector.endpoint)
    assert (done.batches, done.skipped) == (1, 1)
    assert "batches 0 to 0 are left out" in caplog.text


def test_every_stage_has_a_span(chain: Chain) -> None:
    from include.telemetry.spans import DAGS

    assert set(DAGS) == set(Stage)


def test_a_span_is_linked_to_that_of_airflow(chain: Chain, collector: Collector) -> None:
    """The manifest names the span that Airflow's task had."""
    path = "scored/batch=0000000000/manifest.json"
    manifest = chain.lake.read_json(path)
    manifest["by"]["span"] = f"{0xABC:032x}-{0xDEF:016x}"
    chain.lake.write_json(path, manifest)
    export_traces(chain.lake, collector.endpoint)
    links = {span.name: list(span.links) for span in collector.spans if span.links}
    assert list(links) == ["score_transactions"]
    (link,) = links["score_transactions"]
    assert int.from_bytes(link.trace_id) == 0xABC
    assert int.from_bytes(link.span_id) == 0xDEF
