"""Hands the traces of finished batches to an OpenTelemetry collector, OTLP over HTTP.

How far it has come stands in the lake and moves after the collector has taken the spans: one that was down gets
them later, under the same ids.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags

from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage
from include.telemetry.spans import BatchSpan, batch_spans

POSITION = "telemetry/traced.json"
#: Batches handed over at a time, and how long one hand-over may take.
_BATCHES, _SECONDS = 50, 3.0
#: So long one run goes on.
_RUN_SECONDS = 20.0
#: Older batches are not caught up with: a collector that was away for a day wants the present.
MOST_BEHIND = 20_000

log = logging.getLogger(__name__)


class CollectorAway(Exception):
    """The collector did not take the spans."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What a run has done."""

    batches: int
    spans: int
    skipped: int  # batches too far behind


def export_traces(lake: Lake, endpoint: str, run_seconds: float = _RUN_SECONDS) -> Exported:
    """Hand over the traces of batches that every stage has done since the last time.

    At least once, under ids that follow from the batch.

    Parameters
    ----------
    endpoint
        The collector's base address, e.g. ``http://collector:4318``.

    Raises
    ------
    CollectorAway
        It does not answer, or refuses; everything it has not taken is handed over another time.
    """
    ledger = BatchLedger(lake)
    done = min(ledger.cursor(stage).next_batch for stage in Stage)
    begin = int((lake.read_json(POSITION) or {"next_batch": 0})["next_batch"])
    start = max(begin, done - MOST_BEHIND)
    if start > begin:
        log.warning("traces of batches %s to %s are left out: too far behind", begin, start - 1)
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_SECONDS)
    count, batch, end = 0, start, time.monotonic() + run_seconds
    try:
        while batch < done and time.monotonic() < end:
            stop = min(done, batch + _BATCHES)
            spans = [span for number in range(batch, stop) for span in batch_spans(lake, number)]
            if spans and exporter.export(_readable(spans)) is not SpanExportResult.SUCCESS:
                raise CollectorAway(
                    f"expected {endpoint} to take the traces of batches {batch} to {stop - 1} within {_SECONDS:.0f} s, "
                    "it did not; check the collector. They are kept and handed over later"
                )
            count, batch = count + len(spans), stop
            lake.write_json(POSITION, {"next_batch": batch})
    finally:
        exporter.shutdown()  # type: ignore[no-untyped-call]
    return Exported(batch - start, count, start - begin)


def _readable(spans: Sequence[BatchSpan]) -> list[ReadableSpan]:
    resource = Resource({"service.name": "tidewatch"})
    return [
        ReadableSpan(
            name=span.name,
            context=_context(span.trace_id, span.span_id),
            parent=None if span.parent_id is None else _context(span.trace_id, span.parent_id),
            resource=resource,
            attributes=dict(span.attributes),
            links=[Link(_context(*span.linked))] if span.linked else [],
            kind=SpanKind.CONSUMER if span.parent_id is None else SpanKind.INTERNAL,
            start_time=_nanoseconds(span.start),
            end_time=_nanoseconds(span.end),
        )
        for span in spans
    ]


def _context(trace_id: int, span_id: int) -> SpanContext:
    return SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _nanoseconds(at: datetime) -> int:
    return round(at.timestamp() * 1e6) * 1000
