"""A back-test of the live set says what the live path said, row for row; a draft changes what it must and no more."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.detection.scoring import score_batch
from include.governance.errors import ChangeRefused
from include.governance.rule_entry import put
from include.pipeline import backtest_replay
from include.pipeline.backtest import added
from include.pipeline.backtest_record import BacktestRecord, read_document, write_record
from include.pipeline.backtest_replay import Order, Replay, packed, scored_batches, unpacked
from include.pipeline.backtest_run import backtest
from include.pipeline.label_verdicts import as_table, from_table, labels_known
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, batch_folder
from tests.pipeline.ruled_bank import HISTORY_DAYS, LIVE_DAYS, START, RuledBank, rule_text

pytestmark = pytest.mark.slow  # two models are trained, and loaded again and again

NOW = datetime(2026, 6, 1, tzinfo=UTC)
BLOCKED_RULE = "account_is_blocked = 1"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> RuledBank:
    """A lake over which rules, lists and models have changed, with everything in force at some time."""
    bank = RuledBank.of(Lake(tmp_path_factory.mktemp("bank").as_uri()))
    bank.score(2)  # rules alone
    bank.put("blocked_account", BLOCKED_RULE)
    bank.score(1)
    for account in bank.stream["account_id"].unique().to_pylist()[:20]:
        bank.block(account)
    bank.score(2)
    bank.train(1)
    bank.score(2)
    bank.put("half", "amount > 40", share=0.5)
    bank.score(2)
    bank.train(2)
    bank.put("watched", "amount > 90", stage="SHADOW")
    bank.score((bank.rest + 59) // 60)
    bank.label(NOW, range(bank.stream.num_rows))
    return bank


@pytest.fixture
def copied(world: RuledBank, tmp_path: Path) -> Lake:
    """A lake one may change."""
    shutil.copytree(world.lake.uri.removeprefix("file://"), tmp_path / "lake")
    return Lake((tmp_path / "lake").as_uri())


def stored(world: RuledBank) -> Any:
    batches = scored_batches(world.lake)
    return pa.concat_tables(
        [world.lake.read_table(f"{batch_folder(Stage.SCORED, batch)}/data.parquet") for batch in batches]
    )


def test_the_live_set_replayed_is_what_was_decided_live(world: RuledBank) -> None:
    record = backtest(world.lake, Order(), as_of=NOW)
    live = stored(world)
    assert record.rows == live.num_rows == world.stream.num_rows
    assert (record.differs, record.differs_in) == (0, ())
    assert all(check.holds for check in record.checks)
    hits = Counter(rule for row in live["rule_hits"].to_pylist() for rule in row)
    assert {rule: found.hits for rule, found in record.rules.items()} == hits
    assert {"blocked_account", "half"} <= set(hits)
    assert "watched" not in hits
    assert record.alerts("before").hits == live["decision"].to_pylist().count("ALERT")
    assert len(set(live["model_version"].to_pylist())) == 3
    assert len({m["ruleset"] for m in _manifests(world.lake)}) == 4


def _manifests(lake: Lake) -> list[dict[str, Any]]:
    ledger = BatchLedger(lake)
    return [ledger.manifest(Stage.SCORED, batch) or {} for batch in scored_batches(lake)]


@pytest.mark.parametrize(
    ("column", "value"), [("decision", "REVIEW"), ("severity", "CRITICAL"), ("rule_hits", ["large_amount"])]
)
def test_one_row_that_says_something_else_is_found(copied: Lake, column: str, value: Any) -> None:
    path = f"{batch_folder(Stage.SCORED, 3)}/data.parquet"
    table = copied.read_table(path)
    rows = table.to_pylist()
    quiet = next(row for row in rows if row["decision"] == "ALLOW" and not row["rule_hits"])
    quiet[column] = value
    copied.write_table(path, pa.Table.from_pylist(rows, schema=table.schema))
    record = backtest(copied, Order())
    assert (record.differs, record.differs_in) == (1, (3,))
    assert not all(check.holds for check in record.checks)


def test_without_the_lists_of_then_it_would_not_be_the_same(copied: Lake) -> None:
    """The law above is not empty: with today's lists the first batches of the rule come out otherwise."""
    for batch, manifest in enumerate(_manifests(copied)):
        copied.write_json(f"{batch_folder(Stage.SCORED, batch)}/manifest.json", {**manifest, "lists": 20})
    assert backtest(copied, Order()).differs_in == (2,)


def test_a_draft_does_in_the_back_test_what_it_does_live(world: RuledBank, copied: Lake) -> None:
    """As if the set with the draft had scored the batches: the same hits and decisions."""
    text = rule_text("half", "amount > 25 AND account_is_blocked = 0", version=2)
    order = Order(rule_id="half", text=text, share=0.7)
    record = backtest(world.lake, order, as_of=NOW)
    assert record.differs == 0
    batch = scored_batches(world.lake)[-1]
    manifest = BatchLedger(world.lake).manifest(Stage.SCORED, batch) or {}
    entries = world.book.document(manifest["ruleset"]).entries
    half = next(entry for entry in entries if entry.rule_id == "half")
    changed = put(entries, half.model_copy(update={"text": text, "share": 0.7}))
    lake_book = type(world.book)(copied, world.book._columns)
    version = lake_book.activate(changed, "ann", "test")
    active = lake_book.load(version, manifest["lists"])
    table = world.lake.read_table(f"{batch_folder(Stage.SCORED, batch)}/data.parquet")
    place = world.stream.num_rows - table.num_rows
    scored = score_batch(
        world.stream.slice(place),
        world.features.slice(place),
        world.model,
        active,
        START + timedelta(days=40),
    )
    only = Replay(world.lake, order, labels_known(world.lake, NOW)).count([batch])
    assert only["rule", "half", "hits"] == sum("half" in row for row in scored["rule_hits"].to_pylist()) > 0
    assert only["alerts", "after", "all"] == scored["decision"].to_pylist().count("ALERT")
    assert only["alerts", "before", "all"] == table["decision"].to_pylist().count("ALERT")


def test_a_rule_taken_away_is_taken_away_and_nothing_else(world: RuledBank) -> None:
    live = backtest(world.lake, Order(), as_of=NOW)
    without = backtest(world.lake, Order(rule_id="half"), as_of=NOW)
    assert "half" not in without.rules
    assert {rule: found.hits for rule, found in without.rules.items()} == {
        rule: found.hits for rule, found in live.rules.items() if rule != "half"
    }
    assert without.alerts("before") == live.alerts("before")
    assert without.alerts("after").hits < live.alerts("after").hits
    assert set(without.changes) <= {"ALERT → ALLOW", "ALERT → REVIEW"}
    assert sum(without.changes.values()) == live.alerts("after").hits - without.alerts("after").hits


def test_a_draft_that_says_what_is_live_changes_nothing(world: RuledBank) -> None:
    order = Order(rule_id="blocked_account", text=rule_text("blocked_account", BLOCKED_RULE))
    record = backtest(world.lake, order, as_of=NOW)
    live = backtest(world.lake, Order(), as_of=NOW)
    # Only the batches before it was live come out otherwise: in them nobody was on the list.
    assert (record.counts, record.changes) == (live.counts, {})


def test_every_day_and_the_alert_budget(world: RuledBank) -> None:
    record = backtest(world.lake, Order(), as_of=NOW)
    assert len(record.days) == LIVE_DAYS
    assert record.days[0].day == str((START + timedelta(days=HISTORY_DAYS)).date())
    live = stored(world)
    assert sum(day.transactions for day in record.days) == live.num_rows
    assert sum(day.alerts_after for day in record.days) == live["decision"].to_pylist().count("ALERT")
    assert sum(day.reviews_before for day in record.days) == live["decision"].to_pylist().count("REVIEW")
    full = live["level"].to_pylist().count("FULL")
    assert sum(day.budget for day in record.days) == pytest.approx(0.01 * full)
    hits = sum(record.hits_on(day.day, "half") for day in record.days)
    assert hits == record.rules["half"].hits


def test_precision_and_recall_are_those_counted_by_hand(world: RuledBank) -> None:
    record, live = backtest(world.lake, Order(), as_of=NOW), stored(world)
    fraud = world.truth["is_fraud"].to_numpy()
    assert record.frauds == fraud.sum() > 0
    hit = np.array(["half" in row for row in live["rule_hits"].to_pylist()])
    found = record.rules["half"]
    assert found.precision == pytest.approx((hit & fraud).sum() / hit.sum())
    assert found.recall(record.frauds) == pytest.approx((hit & fraud).sum() / fraud.sum())
    both = np.array([{"half", "blocked_account"} <= set(row) for row in live["rule_hits"].to_pylist()])
    assert record.both("half", "blocked_account") == record.both("blocked_account", "half") == both.sum()
    alert = np.array(live["decision"].to_pylist()) == "ALERT"
    assert record.alerts("after").fraud == (alert & fraud).sum()
    testing = record.typologies["card_testing"]
    assert testing.hits >= found.hits


@pytest.mark.parametrize("days", [(0, 4), (1, 3), (2, 3), (3, 9), (9, 12)])
def test_a_period_is_the_transactions_of_that_time(world: RuledBank, days: tuple[int, int]) -> None:
    first, last = (START + timedelta(days=HISTORY_DAYS + day, hours=7) for day in days)
    record = backtest(world.lake, Order(since=first, until=last), as_of=NOW)
    moments = world.stream["occurred_at"].to_pylist()
    assert record.rows == sum(first <= moment < last for moment in moments)
    assert record.differs == 0
    assert record.checks[0].holds == (record.rows > 0)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_parts_and_their_order_do_not_matter(
    world: RuledBank, monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    order = Order(rule_id="half", text=rule_text("half", "amount > 30", 2))
    batches = scored_batches(world.lake)[:9]
    whole = Replay(world.lake, order, labels_known(world.lake, NOW)).count(batches)
    monkeypatch.setattr(backtest_replay, "CHUNK_ROWS", data.draw(st.sampled_from([1, 100, 130, 50_000])))
    shuffled = data.draw(st.permutations(batches))
    cut = data.draw(st.integers(0, len(batches)))
    replay = Replay(world.lake, order, from_table(as_table(labels_known(world.lake, NOW))))
    parts = [replay.count(shuffled[:cut]), replay.count(shuffled[cut:])]
    again = added([unpacked(packed(part)) for part in reversed(parts)])
    assert +again == +whole


def test_labels_count_as_they_were_known(copied: Lake, world: RuledBank) -> None:
    """Who speaks with more authority counts, of one source the newest, and nobody before they arrived."""
    bank = RuledBank(copied, world.book, world.stream, world.features, world.truth, world.past)
    bank.label(NOW + timedelta(days=1), range(100), source="CUSTOMER", wrong=True)
    bank.label(NOW + timedelta(days=2), range(100), source="CHARGEBACK", wrong=True)
    bank.label(NOW + timedelta(days=3), range(50), source="CHARGEBACK")
    fraud = world.truth["is_fraud"].to_numpy()
    ids = world.stream["transaction_id"]

    def wrong(days: int) -> int:
        said = labels_known(copied, NOW + timedelta(days=days)).of(ids)[0]
        return int((said != fraud).sum())

    assert [wrong(days) for days in range(4)] == [0, 0, 100, 50]
    assert int(labels_known(copied, NOW - timedelta(days=1)).of(ids)[0].sum()) == 0
    assert backtest(copied, Order(), as_of=NOW - timedelta(days=1)).frauds == 0


def test_batches_whose_set_is_gone_are_named_and_left_out(copied: Lake) -> None:
    first = _manifests(copied)[0]["ruleset"]
    copied.delete_file(f"rules/sets/{first}.json")
    record = backtest(copied, Order())
    assert record.counts["left out", "batches"] == 2
    assert record.differs == 0
    assert record.document()["checks"][2]["value"] == 2


def test_a_batch_without_the_facts_is_replayed_by_what_its_rows_say(copied: Lake) -> None:
    manifest = _manifests(copied)[0]
    bare = {name: value for name, value in manifest.items() if name not in ("ruleset", "lists")}
    copied.write_json(f"{batch_folder(Stage.SCORED, 0)}/manifest.json", bare)
    record = backtest(copied, Order())
    assert (record.differs, record.counts["left out", "batches"]) == (0, 0)


def test_files_that_retention_took_are_no_error(copied: Lake, world: RuledBank) -> None:
    copied.delete_file(f"{batch_folder(Stage.SCORED, 0)}/data.parquet")
    assert backtest(copied, Order()).rows == world.stream.num_rows - 60


def test_what_cannot_be_tested_is_refused(world: RuledBank, tmp_path: Path) -> None:
    with pytest.raises(ChangeRefused, match="did you mean 'amount'"):
        backtest(world.lake, Order(rule_id="a", text=rule_text("a", "amout > 1")))
    with pytest.raises(ChangeRefused, match="found none"):
        backtest(Lake((tmp_path / "empty").as_uri()), Order())


def test_many_rows_go_to_the_engine_and_the_record_is_written(world: RuledBank, copied: Lake) -> None:
    asked: list[int] = []

    def engine(lake: Lake, order: Order, labels: Any, batches: Any) -> Any:
        asked.extend(batches)
        return Replay(lake, order, labels).count(batches)

    records: list[BacktestRecord] = [
        backtest(copied, Order(), engine, as_of=NOW, key="run-1", spark_from_rows=rows) for rows in (1, 10**9)
    ]
    assert asked == scored_batches(copied)
    assert [record.engine for record in records] == ["spark", "process"]
    assert records[0].backtest_id == records[1].backtest_id
    folder = write_record(copied, records[0], "<html>")
    assert copied.names(folder) == ["backtest.html", "backtest.json"]
    document = read_document(copied, records[0].backtest_id)
    assert document is not None
    assert document["transactions"] == world.stream.num_rows
