"""The trace of a batch, made of its manifests once every stage is done with it.

::

    batch                     from the broker's time of its oldest record to the end of the last stage
    ├─ wait                   until processing took it up
    ├─ process_transactions   ├─ spark   ├─ settle
    ├─ score_transactions
    ├─ raise_alerts
    └─ load_cassandra

Ids follow from the batch, so a trace that is made twice is the same trace, and whoever knows the batch knows it.
A span is linked to Airflow's own span of the task, if Airflow's traces were on then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, partition_key

#: DAG and outlet asset of each stage.
DAGS = {
    Stage.ACCEPTED: ("process_transactions", "transaction_batches"),
    Stage.SCORED: ("score_transactions", "scored_batches"),
    Stage.ALERTED: ("raise_alerts", "alerts"),
    Stage.STORED: ("load_cassandra", "cassandra.transactions"),
}


@dataclass(frozen=True, slots=True)
class BatchSpan:
    """One span.

    Attributes
    ----------
    trace_id, span_id, parent_id
        128 and 64 bits; no parent at the root.
    linked
        Trace and span of Airflow's task, if known.
    """

    name: str
    trace_id: int
    span_id: int
    parent_id: int | None
    start: datetime
    end: datetime
    attributes: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    linked: tuple[int, int] | None = None


def trace_id_of(lake: Lake, batch: int, accepted: Mapping[str, Any]) -> int:
    """Id of the trace of a batch, 128 bits.

    Parameters
    ----------
    accepted
        The batch's manifest of ``Stage.ACCEPTED``: another batch under the same number, in a lake that was made
        anew, has another trace.
    """
    named = f"{lake.uri}|{batch}|{accepted.get('arrived_at')}"
    return int.from_bytes(hashlib.sha256(named.encode()).digest()[:16])


def batch_spans(lake: Lake, batch: int) -> list[BatchSpan]:
    """The spans of a batch, the root first; none if a manifest is missing, or from before they had times."""
    ledger = BatchLedger(lake)
    manifests = {stage: ledger.manifest(stage, batch) for stage in Stage}
    found = {stage: _first(one) for stage, one in manifests.items() if one and "began_at" in _first(one)}
    if len(found) < len(manifests):
        return []
    accepted = manifests[Stage.ACCEPTED] or {}
    trace = _Trace(trace_id_of(lake, batch, accepted))
    begin = {stage: datetime.fromisoformat(one["began_at"]) for stage, one in found.items()}
    end = {stage: datetime.fromisoformat(one["completed_at"]) for stage, one in found.items()}
    said = accepted.get("arrived_at")
    arrived = min(datetime.fromisoformat(said), begin[Stage.ACCEPTED]) if said else begin[Stage.ACCEPTED]
    root = trace.span("batch", None, arrived, max(end.values()), _of_root(batch, manifests))
    spans = [root, trace.span("wait", root, arrived, begin[Stage.ACCEPTED])]
    for stage, (dag, asset) in DAGS.items():
        about = {
            "tidewatch.batch": batch,
            "airflow.asset": asset,
            "airflow.partition_key": partition_key(batch),
        }
        about |= {f"tidewatch.{name}": count for name, count in (manifests[stage] or {})["counts"].items()}
        by = found[stage].get("by", {})
        about |= {f"airflow.{name}": by[name] for name in ("dag_id", "run_id") if name in by}
        span = trace.span(dag, root, begin[stage], end[stage], about, _linked(by.get("span")))
        spans.append(span)
        if stage is Stage.ACCEPTED:
            spans += _parts(trace, span, found[stage].get("measures", {}))
    return spans


def _first(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of a batch that was done again: how it was the first time."""
    return manifest.get("first") or manifest


def _of_root(batch: int, manifests: Mapping[Stage, Mapping[str, Any] | None]) -> dict[str, Any]:
    accepted, scored = manifests[Stage.ACCEPTED] or {}, manifests[Stage.SCORED] or {}
    start, ends = accepted.get("start_offsets", {}), accepted.get("positions", {}).get("offsets", {})
    return {
        "tidewatch.batch": batch,
        "tidewatch.model": scored.get("model") or "none",
        "tidewatch.ruleset": str(scored.get("ruleset", "")),
        "tidewatch.levels": ",".join(sorted(scored.get("tallies", {}).get("level", {}))),
        "messaging.system": "kafka",
        "messaging.batch.message_count": accepted.get("counts", {}).get("read", 0),
        **{f"tidewatch.offsets.{part}": f"{start.get(part, 0)}-{until}" for part, until in ends.items()},
    }


def _parts(trace: _Trace, stage: BatchSpan, measures: Mapping[str, float]) -> Iterator[BatchSpan]:
    """What processing consists of, one after the other."""
    if "spark_seconds" in measures:
        committed = min(stage.end, stage.start + timedelta(seconds=measures["spark_seconds"]))
        yield trace.span("spark", stage, stage.start, committed)
        yield trace.span("settle", stage, committed, stage.end)


def _linked(text: str | None) -> tuple[int, int] | None:
    trace, _, span = (text or "").partition("-")
    return (int(trace, 16), int(span, 16)) if span else None


@dataclass(frozen=True, slots=True)
class _Trace:
    trace_id: int

    def span(
        self,
        name: str,
        parent: BatchSpan | None,
        start: datetime,
        end: datetime,
        attributes: Mapping[str, Any] | None = None,
        linked: tuple[int, int] | None = None,
    ) -> BatchSpan:
        named = f"{self.trace_id:032x}|{name}".encode()
        span_id = int.from_bytes(hashlib.sha256(named).digest()[:8])
        above = None if parent is None else parent.span_id
        return BatchSpan(
            name, self.trace_id, span_id, above, start, max(start, end), attributes or {}, linked
        )
