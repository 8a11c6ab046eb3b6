"""Quality of rules and models from labels: hits, alerts, and what became known of them, day by day.

``measure`` counts what is new, as a task every few minutes; ``rule_quality`` and ``model_quality`` read the counts and
nothing else, so a page or a report costs a file a day. The day is that of the transaction, in UTC; a label counts on
the day of its transaction, however late it comes. The newest verdict on a transaction is the one that counts.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.pipeline.backtest_record import Found
from include.pipeline.known_labels import labels_until, newest_verdicts, verdicts
from include.pipeline.labelling import NO_BATCH
from include.pipeline.quality_days import (
    LABELLED_SCHEMA,
    POSITION,
    DayCounts,
    RuleCounts,
    days,
    read_day,
    read_labelled,
    write_day,
    write_labelled,
)
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, scored_file

log = logging.getLogger(__name__)

#: Batches, of transactions or of labels, whose counts are added up in memory before they are written.
_BATCHES = 500

_COLUMNS = ("transaction_id", "occurred_at", "decision", "model_version", "rule_hits")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleQuality(Found):
    """What the live hits of a rule came to (``hits``, ``fraud``, ``legitimate``, ``precision``).

    Attributes
    ----------
    alone
        Hits where no other rule hit.
    """

    rule_id: str
    alone: int

    @property
    def labelled(self) -> int:
        """Hits whose label is known."""
        return self.fraud + self.legitimate

    @property
    def false_positives(self) -> int:
        """Hits that a label calls legitimate."""
        return self.legitimate


@dataclass(frozen=True, slots=True)
class ModelQuality:
    """What was decided on a day with a model, and what labels say of it; hits of rules are among the decisions.

    Attributes
    ----------
    model_version
        "" where only the rules decided.
    fraud, legitimate
        Transactions whose label is known, alerted or not.
    alerted_fraud, alerted_legitimate
        Those of them that had been alerted.
    """

    day: date
    model_version: str
    transactions: int
    alerts: int
    reviews: int
    fraud: int
    legitimate: int
    alerted_fraud: int
    alerted_legitimate: int

    @property
    def labelled(self) -> int:
        """Transactions whose label is known."""
        return self.fraud + self.legitimate

    @property
    def precision(self) -> float | None:
        """Share of frauds among the labelled alerts; None without any."""
        labelled = self.alerted_fraud + self.alerted_legitimate
        return self.alerted_fraud / labelled if labelled else None

    @property
    def recall(self) -> float | None:
        """Share of the labelled frauds that had been alerted; None without any."""
        return self.alerted_fraud / self.fraud if self.fraud else None


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run of ``measure`` took up."""

    batches: int
    label_batches: int


def rule_quality(lake: Lake, since: date, until: date) -> list[RuleQuality]:
    """Quality of every rule that hit, over the UTC days from ``since`` up to but without ``until``; most hits first."""
    total: dict[str, Counter[str]] = defaultdict(Counter)
    for _, counts in days(lake, since, until):
        for rule_id, rule in counts.rules.items():
            total[rule_id].update(rule.model_dump())
    found = [_rule(rule_id, RuleCounts(**counts)) for rule_id, counts in total.items()]
    return sorted(found, key=lambda one: (-one.hits, one.rule_id))


def rule_quality_by_day(lake: Lake, since: date, until: date) -> dict[date, list[RuleQuality]]:
    """As ``rule_quality``, each day by itself, oldest first; days without transactions are left out."""
    return {
        day: [_rule(rule_id, rule) for rule_id, rule in sorted(counts.rules.items())]
        for day, counts in days(lake, since, until)
    }


def model_quality(lake: Lake, since: date, until: date) -> list[ModelQuality]:
    """Quality by UTC day and model version, from ``since`` up to but without ``until``, oldest first."""
    return [
        ModelQuality(day=day, model_version=version, **model.model_dump())
        for day, counts in days(lake, since, until)
        for version, model in sorted(counts.models.items())
    ]


def measure(lake: Lake) -> Measured:
    """Count what has been scored and labelled since the last time. There is one writer at a time.

    Idempotent: a run that was cut off is done again without counting anything twice, see ``quality_days``.
    """
    position = {"next_batch": 0, "next_labels": 0} | (lake.read_json(POSITION) or {})
    before = Measured(int(position["next_batch"]), int(position["next_labels"]))
    # Labels first: whatever they speak of has been scored by the time the other cursor is read.
    label_stop = labels_until(lake)
    stop = BatchLedger(lake).cursor(Stage.SCORED).next_batch
    for start in range(before.batches, stop, _BATCHES):
        end = min(stop, start + _BATCHES)
        _count_decisions(lake, start, end)
        position["next_batch"] = end
        lake.write_json(POSITION, position)
    for start in range(before.label_batches, label_stop, _BATCHES):
        end = min(label_stop, start + _BATCHES)
        _take_labels(lake, start, end)
        position["next_labels"] = end
        lake.write_json(POSITION, position)
    done = Measured(max(0, stop - before.batches), max(0, label_stop - before.label_batches))
    log.info("quality: %s batches and %s batches of labels taken up", done.batches, done.label_batches)
    return done


def _count_decisions(lake: Lake, start: int, stop: int) -> None:
    open_days: dict[date, DayCounts] = {}
    for batch in range(start, stop):
        path = scored_file(batch)
        if not lake.exists(path):
            continue  # retention took it before it was ever counted
        for day, rows in _by_day(lake.read_table(path, _COLUMNS)):
            if day not in open_days:
                open_days[day] = read_day(lake, day)
            if batch >= open_days[day].next_batch:
                _add_rows(open_days[day], rows)
    for day, counts in open_days.items():
        counts.next_batch = max(counts.next_batch, stop)
        write_day(lake, day, counts)


def _add_rows(counts: DayCounts, rows: pa.Table) -> None:
    kinds = zip(rows["model_version"].to_pylist(), rows["decision"].to_pylist(), strict=True)
    for (version, decision), n in Counter(kinds).items():
        model = counts.model(version or "")
        model.transactions += n
        model.alerts += n if decision == "ALERT" else 0
        model.reviews += n if decision == "REVIEW" else 0
    hit = rows["rule_hits"].filter(pc.greater(pc.list_value_length(rows["rule_hits"]), 0))
    for rules in hit.to_pylist():
        for rule_id in rules:
            rule = counts.rule(rule_id)
            rule.hits += 1
            rule.alone += len(rules) == 1


def _take_labels(lake: Lake, start: int, stop: int) -> None:
    told = verdicts(lake, start, stop)
    told = told.filter(pc.not_equal(told["batch"], NO_BATCH))
    verdict_of = newest_verdicts(told)
    news: dict[date, list[pa.Table]] = defaultdict(list)
    for batch in sorted(set(told["batch"].to_pylist())):
        path = scored_file(batch)
        if not lake.exists(path):
            continue  # a label that came after the batch's files were deleted
        scored = lake.read_table(path, _COLUMNS)
        wanted = told.filter(pc.equal(told["batch"], batch))["transaction_id"].combine_chunks()
        scored = scored.filter(pc.is_in(scored["transaction_id"], value_set=wanted))
        for day, rows in _by_day(scored):
            ids = rows["transaction_id"].to_pylist()
            fraud = pa.array([verdict_of[name] for name in ids], pa.bool_())
            columns = [fraud if name == "is_fraud" else rows[name] for name in LABELLED_SCHEMA.names]
            news[day].append(pa.table(columns, names=LABELLED_SCHEMA.names).cast(LABELLED_SCHEMA))
    for day, tables in news.items():
        fresh = pa.concat_tables(tables)
        there = read_labelled(lake, day)
        kept = pc.invert(
            pc.is_in(there["transaction_id"], value_set=fresh["transaction_id"].combine_chunks())
        )
        labelled = pa.concat_tables([there.filter(kept), fresh])
        write_labelled(lake, day, labelled)
        counts = read_day(lake, day)
        counts.label(labelled)
        write_day(lake, day, counts)


def _by_day(rows: pa.Table) -> Iterator[tuple[date, pa.Table]]:
    """Rows of each UTC day of the transactions' time."""
    if not rows.num_rows:
        return
    numbers = rows["occurred_at"].cast(pa.timestamp("us")).to_numpy().astype("datetime64[D]")
    for number in np.unique(numbers):
        yield number.item(), rows.filter(pa.array(numbers == number))


def _rule(rule_id: str, counts: RuleCounts) -> RuleQuality:
    return RuleQuality(rule_id=rule_id, **counts.model_dump())
