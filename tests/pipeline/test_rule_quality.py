"""Quality of rules and models: what is counted bit by bit is what a count of everything at once gives."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from include.pipeline.known_labels import labels_until, newest_verdicts, verdicts
from include.pipeline.quality_days import drop_days_before, read_labelled
from include.pipeline.rule_quality import (
    ModelQuality,
    RuleQuality,
    measure,
    model_quality,
    rule_quality,
    rule_quality_by_day,
)
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, scored_file
from tests.pipeline.conftest import LiveBank

BEGIN, END = date(2025, 12, 1), date(2026, 3, 1)
RULES = ("one", "two", "three")


class Killed(Exception):
    """What a process that dies does not say."""


@pytest.fixture
def live(make_bank: Callable[[], LiveBank]) -> LiveBank:
    """Batches of several days whose hits and decisions were drawn."""
    made = make_bank()
    made.run(12)
    for batch in range(12):
        draw(made, batch)
    return made


def draw(live: LiveBank, batch: int) -> None:
    """Other hits, decisions, models and days for a batch."""
    chance = random.Random(batch)
    path = scored_file(batch)
    table = live.lake.read_table(path)
    rows = table.to_pylist()
    for row in rows:
        row["rule_hits"] = [rule for rule in RULES if chance.random() < 0.2]
        row["decision"] = chance.choice(["ALLOW", "REVIEW", "ALERT"])
        row["model_version"] = chance.choice(["", "m1", "m2"])
        row["occurred_at"] += timedelta(days=chance.choice([0, 0, 0, 1, -1]))
    live.lake.write_table(path, pa.Table.from_pylist(rows, schema=table.schema))


def label(live: LiveBank, seed: int, batches: int = 12) -> None:
    """A batch of verdicts on drawn transactions; some speak of transactions that had one already."""
    chance = random.Random(seed)
    chosen = {(chance.randrange(batches), chance.randrange(70)) for _ in range(60)}
    live.tell(sorted(chosen), fraud=bool(seed % 2))


def counted_at_once(lake: Lake) -> tuple[list[RuleQuality], list[ModelQuality]]:
    known = newest_verdicts(verdicts(lake, 0, labels_until(lake)))
    rules: dict[str, Counter[str]] = {}
    models: dict[tuple[date, str], Counter[str]] = {}
    for batch in range(BatchLedger(lake).cursor(Stage.SCORED).next_batch):
        for row in lake.read_table(scored_file(batch)).to_pylist():
            verdict = known.get(row["transaction_id"])
            what = {None: "", True: "fraud", False: "legitimate"}[verdict]
            for rule in row["rule_hits"]:
                counts = rules.setdefault(rule, Counter())
                counts.update(["hits", *([what] if what else [])])
                counts["alone"] += len(row["rule_hits"]) == 1
            day = row["occurred_at"].date()
            counts = models.setdefault((day, row["model_version"]), Counter())
            counts.update(["transactions", *([what] if what else [])])
            counts["reviews"] += row["decision"] == "REVIEW"
            if row["decision"] == "ALERT":
                counts.update(["alerts", *([f"alerted_{what}"] if what else [])])
    names = (
        "transactions",
        "alerts",
        "reviews",
        "fraud",
        "legitimate",
        "alerted_fraud",
        "alerted_legitimate",
    )
    return (
        sorted(
            (
                RuleQuality(rule_id=rule, **{n: c[n] for n in ("hits", "alone", "fraud", "legitimate")})
                for rule, c in rules.items()
            ),
            key=lambda one: (-one.hits, one.rule_id),
        ),
        [
            ModelQuality(day, version, **{name: counts[name] for name in names})
            for (day, version), counts in sorted(models.items())
        ],
    )


def measured(lake: Lake) -> tuple[list[RuleQuality], list[ModelQuality]]:
    return rule_quality(lake, BEGIN, END), model_quality(lake, BEGIN, END)


def test_nothing_scored_is_no_quality(make_bank: Callable[[], LiveBank]) -> None:
    lake = make_bank().lake
    assert (measure(lake).batches, measured(lake)) == (0, ([], []))


def test_bit_by_bit_is_what_a_count_at_once_gives(make_bank: Callable[[], LiveBank]) -> None:
    live = make_bank()
    for step in range(4):
        live.run(3)
        for batch in range(3 * step, 3 * step + 3):
            draw(live, batch)
        label(live, step, batches=3 * step + 3)
        measure(live.lake)
        assert measured(live.lake) == counted_at_once(live.lake)
    rules, models = measured(live.lake)
    assert sum(rule.labelled for rule in rules) > 20
    assert len({one.day for one in models}) > 2
    assert any(one.recall not in (None, 0, 1) and one.precision not in (None, 0, 1) for one in models)


def test_measured_again_nothing_changes(live: LiveBank) -> None:
    label(live, 1)
    measure(live.lake)
    before = measured(live.lake)
    done = measure(live.lake)
    assert (done.batches, done.label_batches) == (0, 0)
    assert measured(live.lake) == before


def test_killed_at_every_write_nothing_is_counted_twice(
    live: LiveBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    label(live, 1)
    label(live, 2)
    write = Lake.write_bytes
    kills = 0
    for place in range(1_000):
        writes = iter(range(place + 1))

        def dying(self: Lake, path: str, content: bytes, writes=writes) -> None:
            if next(writes, None) is None:
                raise Killed
            write(self, path, content)

        live.lake.delete_folder("quality")
        monkeypatch.setattr(Lake, "write_bytes", dying)
        try:
            measure(live.lake)
            finished = True
        except Killed:
            finished, kills = False, kills + 1
        monkeypatch.setattr(Lake, "write_bytes", write)
        measure(live.lake)
        assert measured(live.lake) == counted_at_once(live.lake)
        if finished:
            break
    assert kills > 8


def test_a_newer_verdict_takes_the_place_of_the_older(live: LiveBank) -> None:
    hit = next(
        row for row, hits in enumerate(live.lake.read_table(scored_file(0))["rule_hits"].to_pylist()) if hits
    )
    live.tell([(0, hit)], fraud=True)
    measure(live.lake)
    assert [one.precision for one in rule_quality(live.lake, BEGIN, END) if one.labelled][:1] == [1.0]
    live.tell([(0, hit)], fraud=False)
    measure(live.lake)
    (found, *_) = [one for one in rule_quality(live.lake, BEGIN, END) if one.labelled]
    assert (found.precision, found.false_positives, found.fraud) == (0.0, 1, 0)


def test_days_bound_what_is_told(live: LiveBank) -> None:
    label(live, 1)
    measure(live.lake)
    by_day = rule_quality_by_day(live.lake, BEGIN, END)
    assert list(by_day) == sorted(by_day)
    assert len(by_day) > 2
    for day, rules in by_day.items():
        alone = rule_quality(live.lake, day, day + timedelta(days=1))
        assert sorted(alone, key=lambda one: one.rule_id) == rules
    total = sum(one.hits for rules in by_day.values() for one in rules)
    assert total == sum(one.hits for one in rule_quality(live.lake, BEGIN, END))


def test_files_that_retention_took_are_passed_over(live: LiveBank) -> None:
    label(live, 1)
    live.lake.delete_file(scored_file(0))
    measure(live.lake)
    assert sum(one.transactions for one in model_quality(live.lake, BEGIN, END)) == 11 * 70


def test_old_working_tables_go_and_the_counts_stay(live: LiveBank) -> None:
    label(live, 1)
    measure(live.lake)
    before = measured(live.lake)
    days = list(rule_quality_by_day(live.lake, BEGIN, END))
    assert drop_days_before(live.lake, datetime(2026, 3, 1, tzinfo=UTC)) > 0
    assert all(read_labelled(live.lake, day).num_rows == 0 for day in days)
    assert measured(live.lake) == before
