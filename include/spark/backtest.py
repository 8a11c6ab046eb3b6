"""Back-tests in Spark's Python workers: batches in parallel, one line of counts from each part.

A worker reads the files of its batches itself, and only the columns it needs. It keeps rule sets, lists and labels
from part to part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import uuid4

import pyarrow as pa

from include.pipeline.backtest import Counts, KnownLabels, added
from include.pipeline.backtest_replay import Order, Replay, packed, unpacked
from include.pipeline.label_verdicts import as_table, from_table
from include.stores.lake.files import Lake

#: Parts of the work: enough for every core of a cluster to have some, and few enough to cost nothing.
MIN_PARTS = 16
_BATCHES_A_PART = 200


@lru_cache(maxsize=2)
def _replay(uri: str, order: Order, labels: str) -> Replay:
    lake = Lake(uri)
    return Replay(lake, order, from_table(lake.read_table(labels)))


@dataclass(frozen=True, slots=True)
class SparkEngine:
    """Counts batches in Spark.

    Parameters
    ----------
    session
        Makes or gets the session; asked only if there is work for it.
    """

    session: Callable[[], Any]

    def __call__(self, lake: Lake, order: Order, labels: KnownLabels, batches: Sequence[int]) -> Counts:
        """Counts over all batches."""
        path = f"backtests/labels-{uuid4().hex}.parquet"
        lake.write_table(path, as_table(labels))
        try:
            parts = min(len(batches), max(MIN_PARTS, len(batches) // _BATCHES_A_PART))
            told = (
                self.session()
                .range(0, len(batches), 1, parts)
                .mapInArrow(_Work(lake.uri, order, path, tuple(batches)), "counts string")
                .toArrow()
            )
            return added([unpacked(text) for text in told["counts"].to_pylist()])
        finally:
            lake.delete_file(path)


@dataclass(frozen=True, slots=True)
class _Work:
    """What runs in the worker; pickled by value, its modules are imported there."""

    lake: str
    order: Order
    labels: str
    batches: tuple[int, ...]

    def __call__(self, parts: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        places = [place for part in parts for place in part["id"].to_pylist()]
        if not places:
            return
        counts = _replay(self.lake, self.order, self.labels).count([self.batches[place] for place in places])
        yield pa.RecordBatch.from_pydict({"counts": [packed(counts)]})
