from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from include.governance import rule_steps
from include.governance.errors import ChangeRefused
from include.governance.rule_book import RuleBook
from include.governance.rule_entry import RuleEntry
from include.governance.rule_life import ChangeKind, RuleLife, Step
from include.governance.rule_steps import RuleSteps
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger

CHANGE, RETIRE = ChangeKind.CHANGE, ChangeKind.RETIRE
Rule = Callable[..., str]
Rows = Callable[..., Any]


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """Actor, action and subject of everything that was recorded."""
    calls: list[tuple[str, str, str]] = []
    keys: set[str] = set()

    def record(lake: Lake, actor: str, action: str, subject: str, detail: Any, *, key: str) -> None:
        if key not in keys:  # as the chain does
            keys.add(key)
            calls.append((actor, action, subject))

    monkeypatch.setattr(rule_steps, "record_action", record)
    return calls


@pytest.fixture
def steps(lake: Lake, book: RuleBook, entry: Callable[..., RuleEntry], recorded: list[Any]) -> RuleSteps:
    book.activate([entry("a")], "deployment", "first")
    return RuleSteps(lake, book, book._columns)


def ids(hits: list[tuple[Any, ...]]) -> list[list[str]]:
    return [[hit.rule_id for hit in found] for found in hits]


def score(lake: Lake, book: RuleBook, table: Any) -> list[list[str]]:
    """A batch as the live path scores it, as far as the rules go: live hits, and the manifest with the facts."""
    ledger, active = BatchLedger(lake), book.current()
    hits = active.evaluate(table)
    facts = {"ruleset": active.version, "lists": active.lists}
    ledger.complete("scored", ledger.cursor("scored").next_batch, {"scored": table.num_rows}, facts=facts)
    return ids(hits)


def test_from_draft_to_live_and_seen_on_the_next_batch(
    lake: Lake, book: RuleBook, steps: RuleSteps, rule: Rule, rows: Rows, recorded: list[Any]
) -> None:
    live = RuleBook(lake, book._columns)  # another process, which is never restarted
    assert score(lake, live, rows(2)) == [["a"], ["a"]]
    text = rule("b", "account_id = 'a1'")
    steps.draft("run-1", "ann", text, 1.0, CHANGE)
    assert score(lake, live, rows(2)) == [["a"], ["a"]]
    steps.start_shadow("run-1", "b", {"hits": 1})
    assert steps.shadow("run-1", "b") == ()
    assert score(lake, live, rows(3)) == [["a"]] * 3
    assert steps.shadow("run-1", "b") == (2,)
    assert steps.decide("run-1", "b", "bob", approved=True).step is Step.LIVE
    assert score(lake, live, rows(2)) == [["a"], ["a", "b"]]
    assert [entry.approved_by for entry in book.entries()] == ["", "bob"]
    assert recorded == [
        ("ann", "rule.draft", "b"),
        ("ann", "rule.backtested", "b"),
        ("ann", "rule.shadow", "b"),
        ("bob", "rule.approved", "b"),
        ("bob", "rule.live", "b"),
    ]


def test_the_new_words_of_a_live_rule_take_its_place_when_approved(
    lake: Lake, book: RuleBook, steps: RuleSteps, rule: Rule, rows: Rows
) -> None:
    text = rule("a", "amount > 100").replace("version: 1", "version: 2")
    steps.draft("run-1", "ann", text, 0.5, CHANGE)
    steps.start_shadow("run-1", "a", {})
    assert score(lake, book, rows(1)) == [["a"]]
    steps.decide("run-1", "a", "bob", approved=True)
    assert score(lake, book, rows(1)) == [[]]
    (entry,) = book.entries()
    assert (entry.text, entry.share) == (text, 0.5)


def test_every_step_again_changes_nothing(
    lake: Lake, book: RuleBook, steps: RuleSteps, rule: Rule, recorded: list[Any]
) -> None:
    for _ in range(2):
        steps.draft("run-1", "ann", rule("b"), 1.0, CHANGE)
    for _ in range(2):
        steps.start_shadow("run-1", "b", {})
    for _ in range(2):
        steps.decide("run-1", "b", "bob", approved=True)
    steps.draft("run-1", "ann", rule("b"), 1.0, CHANGE)
    assert len(RuleLife(lake, "b").steps()) == 5
    assert len(book.history()) == 3
    assert len(recorded) == 5


def test_going_live_again_does_not_put_back_what_has_changed_since(
    book: RuleBook, steps: RuleSteps, rule: Rule
) -> None:
    for change, expression in (("run-1", "amount > 1"), ("run-2", "amount > 2")):
        version = change[-1]
        text = rule("b", expression).replace("version: 1", f"version: {version}")
        steps.draft(change, "ann", text, 1.0, CHANGE)
        steps.start_shadow(change, "b", {})
        steps.decide(change, "b", "bob", approved=True)
    with pytest.raises(ChangeRefused, match="overtaken"):
        steps.decide("run-1", "b", "bob", approved=True)
    assert "amount > 2" in book.entries()[-1].text


@pytest.mark.parametrize(("by", "words"), [("bob", "rejected"), ("", "not answered in time")])
def test_what_is_not_approved_leaves_the_shadow(
    lake: Lake, book: RuleBook, steps: RuleSteps, rule: Rule, by: str, words: str
) -> None:
    before = book.current().version
    steps.draft("run-1", "ann", rule("b"), 1.0, CHANGE)
    steps.start_shadow("run-1", "b", {})
    assert book.current().version != before
    for _ in range(2):
        step = steps.decide("run-1", "b", by, approved=False)
    assert (step.step, step.detail["words"], book.current().version) == (Step.REJECTED, words, before)


def test_the_author_does_not_put_it_in_force(book: RuleBook, steps: RuleSteps, rule: Rule) -> None:
    steps.draft("run-1", "ann", rule("b"), 1.0, CHANGE)
    steps.start_shadow("run-1", "b", {})
    version = book.current().version
    with pytest.raises(ChangeRefused, match="other than its author"):
        steps.decide("run-1", "b", "ann", approved=True)
    assert book.current().version == version


def test_a_rule_is_retired_by_two_as_well(
    lake: Lake, book: RuleBook, steps: RuleSteps, rule: Rule, rows: Rows
) -> None:
    steps.draft("run-1", "ann", rule("b"), 1.0, CHANGE)
    steps.start_shadow("run-1", "b", {})
    steps.decide("run-1", "b", "bob", approved=True)
    steps.draft("run-2", "bob", "a", 1.0, RETIRE)
    version = book.current().version
    steps.start_shadow("run-2", "a", {"hits": 0})
    assert book.current().version == version
    with pytest.raises(ChangeRefused):
        steps.decide("run-2", "a", "bob", approved=True)
    assert steps.decide("run-2", "a", "ann", approved=True).step is Step.RETIRED
    assert score(lake, book, rows(1)) == [["b"]]
    with pytest.raises(ChangeRefused, match="live are: b"):
        steps.draft("run-3", "ann", "a", 1.0, RETIRE)


def test_the_last_rule_is_not_retired(steps: RuleSteps) -> None:
    steps.draft("run-1", "ann", "a", 1.0, RETIRE)
    steps.start_shadow("run-1", "a", {})
    with pytest.raises(ChangeRefused, match="switch the rules off"):
        steps.decide("run-1", "a", "bob", approved=True)


@pytest.mark.parametrize(
    ("expression", "version", "words"),
    [
        ("amout > 1", 2, "did you mean 'amount'"),
        ("amount > 10", 1, "what is live already"),
        ("amount > 11", 1, "count up"),
    ],
)
def test_a_draft_that_must_not_be(
    steps: RuleSteps, rule: Rule, expression: str, version: int, words: str
) -> None:
    text = rule("a", expression).replace("version: 1", f"version: {version}")
    with pytest.raises(ChangeRefused, match=words):
        steps.draft("run-1", "ann", text, 1.0, CHANGE)


def test_nothing_is_built_on_an_older_set(lake: Lake, book: RuleBook, steps: RuleSteps, rule: Rule) -> None:
    steps.draft("run-1", "ann", rule("b"), 1.0, CHANGE)
    steps.start_shadow("run-1", "b", {})
    lake.write_bytes(f"rules/sets/{book.current().version}.json", b"")
    fresh = RuleBook(lake, book._columns)
    with pytest.raises(ChangeRefused, match="so that no approved rule is lost"):
        RuleSteps(lake, fresh, book._columns).decide("run-1", "b", "bob", approved=True)


@pytest.mark.parametrize("rule_id", ["../../audit/actions", "A", "a b", "x" * 65])
def test_an_id_that_is_none_is_refused_before_anything_is_read(steps: RuleSteps, rule_id: str) -> None:
    with pytest.raises(ChangeRefused, match="id of a rule"):
        steps.draft("run-1", "ann", rule_id, 1.0, ChangeKind.RETIRE)
