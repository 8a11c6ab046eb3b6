"""Replays scored batches of a lake for a back-test: which set and lists each saw, and the files, many at a time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.detection.detectors import ANOMALY_DETECTORS
from include.governance.active_rules import ActiveRules, StagedRules
from include.governance.errors import RuleBookError
from include.pipeline.backtest import (
    Candidate,
    Counts,
    KnownLabels,
    Versions,
    count,
    needed_columns,
    score_column,
)
from include.pipeline.batch_log import batch_numbers
from include.pipeline.models import model_registry, rule_book
from include.rules.columns import rule_columns
from include.rules.loader import check_rule, rule_set
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, scored_file

#: Rows counted at a time: live batches are small, and each evaluation has a price of its own.
CHUNK_ROWS = 50_000
#: Models held for detectors whose scores were not stored.
_BUNDLES = 4


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be back-tested. Plain data, so that it can travel to a worker.

    Attributes
    ----------
    since, until
        Of the transactions' time, from the first on and before the second; None: as far as the lake goes.
    rule_id, text, share
        The draft; no rule: the live set as it was. An empty text takes the rule away.
    """

    since: datetime | None = None
    until: datetime | None = None
    rule_id: str = ""
    text: str = ""
    share: float = 1.0

    def candidate(self) -> Candidate | None:
        """The draft, checked.

        Raises
        ------
        RuleSetError
            It is broken.
        """
        if not self.rule_id:
            return None
        if not self.text:
            return Candidate(self.rule_id, None)
        columns = rule_columns()
        rules = rule_set([check_rule(self.text, columns)], "draft", columns)
        shares = {self.rule_id: self.share} if self.share < 1 else {}
        return Candidate(self.rule_id, StagedRules(rules, shares))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a batch was scored with."""

    batch: int
    ruleset: str
    lists: int
    rows: int


class Replay:
    """Counts batches of a lake. One object a process: it keeps rule sets, lists and thresholds."""

    def __init__(self, lake: Lake, order: Order, labels: KnownLabels) -> None:
        self._lake = lake
        self._order = order
        self._labels = labels
        self._ledger = BatchLedger(lake)
        self._book = rule_book(lake)
        registry = model_registry(lake)
        self._versions = Versions(
            lru_cache(maxsize=32)(registry.policy), lru_cache(maxsize=_BUNDLES)(registry.load)
        )
        # As the current release writes them; files of another are found when they are read.
        self._asks_again = _lacks_scores(self._plain_columns)

    @cached_property
    def _candidate(self) -> Candidate | None:
        return self._order.candidate()

    def count(self, batches: Sequence[int]) -> Counts:
        """Counts over some batches."""
        total: Counts = Counter()
        for seen in self._chunks(batches):
            try:
                rules = self._book.load(seen[0].ruleset, seen[0].lists)
            except RuleBookError:
                # Scored before there was a book, or its set is gone: nothing can be said of them.
                total["left out", "batches"] += len(seen)
                total["left out", "rows"] += sum(one.rows for one in seen)
                continue
            for table, numbers in self._read([one.batch for one in seen], rules):
                total["batches",] += len(np.unique(numbers))
                if table.num_rows:
                    total.update(count(table, numbers, rules, self._versions, self._labels, self._candidate))
        return total

    def _chunks(self, batches: Sequence[int]) -> Iterator[list[_Seen]]:
        """Neighbours that saw the same set and the same lists, up to ``CHUNK_ROWS`` together."""
        chunk: list[_Seen] = []
        rows = 0
        for batch in batches:
            if (seen := self._seen(batch)) is None:
                continue
            same = chunk and (chunk[0].ruleset, chunk[0].lists) == (seen.ruleset, seen.lists)
            if chunk and (not same or rows + seen.rows > CHUNK_ROWS):
                yield chunk
                chunk, rows = [], 0
            chunk.append(seen)
            rows += seen.rows
        if chunk:
            yield chunk

    def _seen(self, batch: int) -> _Seen | None:
        """What a batch was scored with; None if none of it lies in the period, or its file is gone."""
        path, manifest = scored_file(batch), self._ledger.manifest(Stage.SCORED, batch)
        if manifest is None or not self._lake.exists(path):
            return None
        since, until = self._order.since, self._order.until
        if (since or until) and (bounds := self._lake.time_bounds(path, "occurred_at")):
            first, last = bounds
            if (since and last < since) or (until and first >= until):
                return None
        ruleset = manifest.get("ruleset")
        if not ruleset:
            told = self._lake.read_table(path, ["ruleset_version"])["ruleset_version"]
            ruleset = told[0].as_py() if len(told) else ""
        return _Seen(batch, str(ruleset), int(manifest.get("lists") or 0), int(manifest["counts"]["scored"]))

    def _read(self, batches: Sequence[int], rules: ActiveRules) -> Iterator[tuple[Any, Any]]:
        """The rows of some batches that lie in the period, and the batch of each; one table a schema."""
        tables = [(batch, self._table(batch, rules)) for batch in batches]
        for _, alike in groupby(tables, key=lambda item: item[1].schema):
            part = list(alike)
            numbers = np.repeat([batch for batch, _ in part], [table.num_rows for _, table in part])
            table = pa.concat_tables([table for _, table in part])
            for bound, keep in ((self._order.since, pc.greater_equal), (self._order.until, pc.less)):
                if bound is not None:
                    inside = keep(table["occurred_at"], pa.scalar(bound, table["occurred_at"].type))
                    table, numbers = table.filter(inside), numbers[inside.to_numpy()]
            yield table, numbers

    def _table(self, batch: int, rules: ActiveRules) -> Any:
        columns = needed_columns(rules, self._candidate, self._plain_columns, self._asks_again)
        table = self._lake.read_table(scored_file(batch), columns)
        if not self._asks_again and _lacks_scores(table.column_names):
            table = self._lake.read_table(scored_file(batch), [*columns, "features"])
        return table

    @cached_property
    def _plain_columns(self) -> list[str]:
        from include.detection.scored import scored_schema

        return [name for name in scored_schema().names if name != "features"]


def _lacks_scores(names: Sequence[str]) -> bool:
    """Whether a scored table lacks what some detector said."""
    return not {score_column(kind.name) for kind in ANOMALY_DETECTORS} <= set(names)


def scored_batches(lake: Lake) -> list[int]:
    """Numbers of the batches whose scoring is complete and that the lake still has, in order."""
    end = BatchLedger(lake).cursor(Stage.SCORED).next_batch
    return [number for number in batch_numbers(lake, str(Stage.SCORED)) if number < end]


def packed(counts: Counts) -> str:
    """Counts as text, to come back from a worker."""
    return json.dumps([[*key, number] for key, number in counts.items()])


def unpacked(text: str) -> Counts:
    """What ``packed`` wrote."""
    return Counter({tuple(line[:-1]): line[-1] for line in json.loads(text)})
