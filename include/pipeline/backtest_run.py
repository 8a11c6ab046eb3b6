"""Runs a back-test: which batches, with which labels, in this process or wherever the engine is."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from include.governance.errors import ChangeRefused
from include.pipeline.backtest import Counts, KnownLabels
from include.pipeline.backtest_record import BacktestRecord
from include.pipeline.backtest_replay import Order, Replay, scored_batches
from include.pipeline.label_verdicts import labels_known
from include.rules.errors import RuleSetError
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage

#: From so many transactions on it is worth the trip to Spark.
SPARK_FROM_ROWS = 200_000

#: Counts batches somewhere else.
Engine = Callable[[Lake, Order, KnownLabels, Sequence[int]], Counts]


def backtest(
    lake: Lake,
    order: Order,
    engine: Engine | None = None,
    as_of: datetime | None = None,
    key: str = "",
    spark_from_rows: int = SPARK_FROM_ROWS,
) -> BacktestRecord:
    """Back-test a draft, or the live set as it was.

    Parameters
    ----------
    engine
        For many transactions; None: this process does them all.
    as_of
        Aware: labels that had arrived by then count. Now, by default.
    key
        Names the wish, e.g. a run's id: the same again has the same id.

    Raises
    ------
    ChangeRefused
        The draft is broken, or the lake has no scored batch.
    """
    began, now = time.monotonic(), datetime.now(UTC)
    try:
        order.candidate()
    except RuleSetError as error:
        raise ChangeRefused(f"expected the text of a sound rule, got {error}; correct the draft") from error
    batches = scored_batches(lake)
    if not batches:
        raise ChangeRefused(
            "expected scored batches in the lake, found none; let some transactions come first"
        )
    labels = labels_known(lake, as_of or now)
    far = engine is not None and _rows(lake, batches) >= spark_from_rows
    counts = (
        engine(lake, order, labels, batches)
        if engine is not None and far
        else Replay(lake, order, labels).count(batches)
    )
    mark = hashlib.sha256((key or now.isoformat()).encode()).hexdigest()[:10]
    return BacktestRecord(
        f"{order.rule_id or 'live'}-{mark}",
        now,
        as_of or now,
        order,
        counts,
        time.monotonic() - began,
        "spark" if far else "process",
    )


def _rows(lake: Lake, batches: Sequence[int]) -> int:
    """About how many transactions batches hold: all that were ever scored, by their share of all batches."""
    cursor = BatchLedger(lake).cursor(Stage.SCORED)
    return round(cursor.totals.get("scored", 0) * len(batches) / max(1, cursor.next_batch))
