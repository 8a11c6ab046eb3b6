"""Metrics of the flow, from the ledger's cursors: exact, whoever reads them and whatever was restarted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from include.stores.lake import names
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Cursor, Stage
from include.telemetry import catalogue as c
from include.telemetry.samples import Histogram, Sample, sample

#: Stages in the order of the flow, and the batches of labels.
_STAGES = (*map(str, Stage), names.LABELS)
_OUTCOMES = {"accepted": "accepted", "duplicates": "duplicate", "dead_lettered": "dead_lettered"}


def flow_samples(lake: Lake, transactions: str, labels: str) -> Iterator[Sample]:
    """Samples of every stage.

    Parameters
    ----------
    transactions, labels
        Names of the topics.
    """
    ledger = BatchLedger(lake)
    cursors = {stage: ledger.cursor(stage) for stage in _STAGES}
    yield from _records(transactions, cursors[Stage.ACCEPTED])
    yield from _records(labels, cursors[names.LABELS])
    for source, count in sorted(cursors[names.LABELS].tallies.get("source", {}).items()):
        yield sample(c.LABELS, count, source=source)
    yield from _decisions(cursors[Stage.SCORED])
    yield from _alerts(cursors[Stage.ALERTED])
    yield sample(c.STORED, cursors[Stage.STORED].totals.get("stored", 0))
    for stage, cursor in cursors.items():
        yield sample(c.BATCHES, cursor.next_batch, stage=stage)
        yield from _histograms(stage, cursor)
    for stage in Stage:
        if stage.before is not None:
            waiting = cursors[stage.before].next_batch - cursors[stage].next_batch
            yield sample(c.PENDING, max(0, waiting), stage=str(stage))
    yield from _newest(ledger, cursors)


def _records(topic: str, cursor: Cursor) -> Iterator[Sample]:
    for name, outcome in _OUTCOMES.items():
        yield sample(c.RECORDS, cursor.totals.get(name, 0), topic=topic, outcome=outcome)
    for reason, count in sorted(cursor.tallies.get("reason", {}).items()):
        yield sample(c.DEAD_LETTERS, count, topic=topic, reason=reason)


def _decisions(cursor: Cursor) -> Iterator[Sample]:
    totals = cursor.totals
    alerts, reviews = totals.get("alerts", 0), totals.get("reviews", 0)
    allowed = totals.get("scored", 0) - alerts - reviews
    for decision, count in (("ALLOW", allowed), ("REVIEW", reviews), ("ALERT", alerts)):
        yield sample(c.DECISIONS, count, decision=decision)
    for level, count in sorted(cursor.tallies.get("level", {}).items()):
        yield sample(c.LEVELS, count, level=level)


def _alerts(cursor: Cursor) -> Iterator[Sample]:
    totals = cursor.totals
    joined, suppressed = totals.get("joined", 0), totals.get("suppressed", 0)
    told = totals.get("alerts", 0) - joined - suppressed
    for handling, count in (("told", told), ("joined", joined), ("suppressed", suppressed)):
        yield sample(c.ALERTS, count, handling=handling)
    yield sample(c.ENQUEUED, totals.get("deliveries", 0))


def _histograms(stage: str, cursor: Cursor) -> Iterator[Sample]:
    wanted = [("duration_seconds", c.DURATION, {"stage": stage}), ("age_seconds", c.AGE, {"stage": stage})]
    if stage == Stage.ACCEPTED:
        wanted += [
            ("wait_seconds", c.WAIT, {}),
            ("spark_seconds", c.SPARK, {}),
            ("settle_seconds", c.SETTLE, {}),
            ("batch_records", c.BATCH_SIZE, {}),
        ]
    if stage == Stage.SCORED:
        wanted.append(("score", c.SCORES, {}))
    for name, metric, labels in wanted:
        if (found := _histogram(cursor, name)) is not None:
            yield sample(metric, found, **labels)


def _histogram(cursor: Cursor, name: str) -> Histogram | None:
    if (found := cursor.histograms.get(name)) is None:
        return None
    bounds, counts = tuple(map(float, found["bounds"].split())), tuple(map(int, found["counts"].split()))
    return Histogram(bounds, counts, found["sum"])


def _newest(ledger: BatchLedger, cursors: dict[str, Cursor]) -> Iterator[Sample]:
    for stage, cursor in cursors.items():
        manifest = ledger.manifest(stage, cursor.next_batch - 1) if cursor.next_batch else None
        if manifest is None:
            continue
        at = datetime.fromisoformat(manifest["completed_at"])
        yield sample(c.NEWEST, at.timestamp(), stage=stage)
        if stage == Stage.SCORED and "ruleset" in manifest:
            yield sample(c.MODEL, 1, version=manifest.get("model") or "none")
            yield sample(c.RULES, 1, version=manifest["ruleset"], lists=str(manifest.get("lists", 0)))
