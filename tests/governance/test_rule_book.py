from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.governance.errors import ChangeRefused, RuleBookError
from include.governance.list_entries import ListEntry
from include.governance.rule_book import RuleBook
from include.governance.rule_entry import RuleEntry, Stage, put, take_out, version_of
from include.governance.shares import in_share
from include.rules import loader
from include.rules.columns import rule_columns
from include.rules.errors import RuleSetError
from include.rules.loader import RULES_DIRECTORY
from include.stores.lake.files import Lake

Make = Callable[..., RuleEntry]
Rows = Callable[..., Any]


def ids(hits: list[tuple[Any, ...]]) -> list[list[str]]:
    return [[hit.rule_id for hit in found] for found in hits]


@pytest.fixture
def again(lake: Lake, book: RuleBook) -> Callable[[], RuleBook]:
    """The book as another process opens it."""
    return lambda: RuleBook(lake, book._columns)


def test_an_activated_set_is_in_force_at_the_next_look(book: RuleBook, entry: Make, rows: Rows) -> None:
    book.activate([entry("a")], "ann", "first")
    before = book.current()
    assert ids(before.evaluate(rows(2))) == [["a"], ["a"]]
    version = book.activate([*book.entries(), entry("b", "amount > 15")], "bob", "one more", "cat")
    now = book.current()
    assert now.version == version != before.version
    assert ids(now.evaluate(rows(1))) == [["a", "b"]]
    assert ids(before.evaluate(rows(1))) == [["a"]]
    assert [(one.version, one.by, one.reason, one.approved_by) for one in book.history()] == [
        (before.version, "ann", "first", ""),
        (version, "bob", "one more", "cat"),
    ]


def test_nothing_is_read_again_when_nothing_changed(
    book: RuleBook, entry: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.activate([entry("a")], "ann", "first")
    first = book.current()
    monkeypatch.setattr(Lake, "read_bytes", lambda *_: pytest.fail("a file was read"))
    assert book.current() is first


def test_of_a_new_set_only_the_new_rule_is_checked(
    book: RuleBook, entry: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    read = loader._read_rule
    monkeypatch.setattr(
        loader, "_read_rule", lambda path, *rest: checked.append(path.stem) or read(path, *rest)
    )
    loader._checked.cache_clear()
    book.activate([entry("a")], "ann", "first")
    book.activate([entry("a"), entry("b")], "ann", "second")
    book.current()
    assert checked == ["a", "b"]


def test_publishing_twice_changes_nothing_and_a_changed_file_is_a_difference_only(
    lake: Lake, tmp_path: Path, again: Callable[[], RuleBook], rule: Callable[..., str]
) -> None:
    folder = tmp_path / "shipped"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.sql").write_text(rule(name))
    assert again().publish_shipped(folder)
    before = lake.names("rules/activations"), again().current().version
    (folder / "a.sql").write_text(rule("a", "amount > 99"))
    (folder / "b.sql").unlink()
    (folder / "c.sql").write_text(rule("c"))
    assert again().publish_shipped(folder) is None
    assert (lake.names("rules/activations"), again().current().version) == before
    assert [str(one) for one in again().differences(folder)] == [
        "a: the shipped file says something else than the live rule",
        "b: live, not shipped",
        "c: shipped, not live (new, or retired)",
    ]


def test_the_shipped_rules_fill_an_empty_book(lake: Lake) -> None:
    book = RuleBook(lake, rule_columns())
    version = book.publish_shipped(RULES_DIRECTORY)
    active = RuleBook(lake, rule_columns()).current()
    assert active.version == version
    assert len(active.live.rules.rules) == len(list(RULES_DIRECTORY.glob("*.sql")))
    assert book.differences(RULES_DIRECTORY) == ()


def test_activating_what_is_in_force_changes_nothing(book: RuleBook, lake: Lake, entry: Make) -> None:
    for _ in range(2):
        book.activate([entry("a"), entry("b")], "ann", "first")
    book.activate([entry("b"), entry("a")], "bob", "in another order")
    assert len(book.history()) == 1
    book.activate([entry("a")], "ann", "without b")
    book.activate([entry("a"), entry("b")], "ann", "and back")
    assert len(book.history()) == 3
    assert len(lake.names("rules/sets")) == 2


BREAKS: list[tuple[str, Callable[[Lake, str, str], None]]] = [
    ("not JSON", lambda lake, _, pointer: lake.write_bytes(pointer, b"{")),
    ("set away", lambda lake, document, _: lake.delete_file(document)),
    ("set cut off", lambda lake, document, _: lake.write_bytes(document, lake.read_bytes(document)[:50])),
    (
        "set changed",
        lambda lake, document, _: lake.write_bytes(
            document, lake.read_bytes(document).replace(b"amount > 15", b"amount > 1.")
        ),
    ),
    (
        "author changed",
        lambda lake, document, _: lake.write_bytes(
            document, lake.read_bytes(document).replace(b"ann", b"eve")
        ),
    ),
]


@pytest.mark.parametrize(("how", "break_it"), BREAKS, ids=[how for how, _ in BREAKS])
def test_a_broken_newest_set_leaves_the_last_good_one_in_force(
    how: str,
    break_it: Callable[[Lake, str, str], None],
    book: RuleBook,
    lake: Lake,
    entry: Make,
    again: Callable[[], RuleBook],
) -> None:
    good = book.activate([entry("a")], "ann", "first")
    running = again()
    running.current()
    bad = book.activate([entry("a"), entry("b", "amount > 15")], "ann", "second")
    document, pointer = f"rules/sets/{bad}.json", "rules/activations/00000002.json"
    whole = {path: lake.read_bytes(path) for path in (document, pointer)}
    break_it(lake, document, pointer)
    for opened in (running, again()):
        assert opened.current().version == good
        assert len(opened.problems) == 1
    for path, content in whole.items():
        lake.write_bytes(path, content)
    assert (running.current().version, running.problems) == (bad, ())


def test_a_set_this_release_cannot_use_leaves_the_last_good_one_in_force(
    book: RuleBook, lake: Lake, entry: Make
) -> None:
    """A later release may know fewer features than the rules name."""
    good = book.activate([entry("a")], "ann", "first")
    book.activate([entry("a"), entry("b", "account_count_1h > 3")], "ann", "second")
    fewer = RuleBook(lake, {name: kind for name, kind in book._columns.items() if name != "account_count_1h"})
    assert fewer.current().version == good
    assert "account_count_1h" in fewer.problems[0]


def test_after_a_broken_set_a_good_one_comes_through(book: RuleBook, lake: Lake, entry: Make) -> None:
    book.activate([entry("a")], "ann", "first")
    bad = book.activate([entry("b")], "ann", "second")
    lake.write_bytes(f"rules/sets/{bad}.json", b"")
    book._sets.clear()
    book.current()
    assert book.activate([entry("b")], "ann", "again") == bad
    assert (book.current().version, book.problems) == (bad, ())


def test_an_unreachable_lake_leaves_the_rules_in_force(
    book: RuleBook, entry: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = book.activate([entry("a")], "ann", "first")
    book.current()

    def away(*_: Any) -> Any:
        raise OSError("no route")

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "names", away)
        assert book.current().version == version
        assert "no route" in book.problems[0]
    book.current()
    assert book.problems == ()


def test_an_empty_book_says_what_to_do(book: RuleBook) -> None:
    with pytest.raises(RuleBookError, match="run initialize_stores"):
        book.current()


def test_what_is_no_set_is_not_activated(book: RuleBook, lake: Lake, entry: Make) -> None:
    with pytest.raises(RuleSetError, match="did you mean 'amount'"):
        book.activate([entry("a", "amout > 1")], "ann", "broken")
    with pytest.raises(ChangeRefused, match="switch the rules off"):
        book.activate([entry("a", stage=Stage.SHADOW)], "ann", "nothing live")
    with pytest.raises(ChangeRefused, match="a \\(LIVE\\) twice"):
        book.activate([entry("a"), entry("a", "amount > 3")], "ann", "twice")
    with pytest.raises(ChangeRefused, match="got that of a"):
        book.activate([entry("a").model_copy(update={"rule_id": "b"})], "ann", "another's text")
    assert lake.names("rules") == []


def test_a_share_divides_accounts_and_is_kept(book: RuleBook, entry: Make, rows: Rows) -> None:
    book.activate([entry("a", share=0.3), entry("b", stage=Stage.SHADOW, share=0.5), entry("c")], "ann", "x")
    active, table = book.current(), rows(500)
    inside = in_share(table["account_id"], 0.3, "a")
    assert ids(active.evaluate(table)) == [["a", "c"] if one else ["c"] for one in inside]
    half = in_share(table["account_id"], 0.5, "b")
    assert ids(active.shadow_evaluate(table)) == [["b"] if one else [] for one in half]


def test_a_rule_in_shadow_decides_nothing(book: RuleBook, entry: Make, rows: Rows) -> None:
    book.activate([entry("a", "amount > 1"), entry("a", "amount > 2", stage=Stage.SHADOW)], "ann", "x")
    active = book.current()
    assert ids(active.evaluate(rows(1))) == [["a"]]
    assert active.live.rules.rules[0].sql == "amount > 1"
    assert ids(active.shadow_evaluate(rows(1))) == [["a"]]


def test_lists_change_between_batches_and_a_replay_sees_those_of_then(
    book: RuleBook, lake: Lake, entry: Make, rows: Rows, again: Callable[[], RuleBook]
) -> None:
    book.activate([entry("a", "account_is_blocked = 1 AND amount > 1")], "ann", "lists")
    before, table = book.current(), rows(2)
    assert ids(before.evaluate(table)) == [[], []]
    since = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    line = ListEntry(list="BLOCKED", subject="ACCOUNT", value="a1", valid_from=since, reason="stolen")
    book.lists.append("bob", [line])
    now = book.current()
    assert (now.lists, now.version) == (1, before.version)
    assert ids(now.evaluate(table)) == [[], ["a"]]
    assert ids(again().load(now.version, 0).evaluate(table)) == [[], []]
    assert ids(again().load(now.version, 1).evaluate(table)) == [[], ["a"]]
    worker = pickle.loads(pickle.dumps(now))  # noqa: S301
    assert ids(worker.evaluate(table)) == [[], ["a"]]
    assert "account_is_blocked" not in table.column_names
    with pytest.raises(RuleBookError, match="found none"):
        again().load("0" * 12, 0)


@settings(deadline=None)
@given(order=st.permutations(range(4)), share=st.floats(0.01, 1), change=st.integers(0, 3))
def test_a_version_names_texts_stages_and_shares_and_nothing_else(
    order: list[int], share: float, change: int
) -> None:
    entries = [RuleEntry(rule_id=f"r{n}", text=f"text {n}", author="ann", share=0.5) for n in range(4)]
    version = version_of(entries)
    shuffled = [entries[n].model_copy(update={"author": "bob", "approved_by": "cat"}) for n in order]
    assert version_of(shuffled) == version
    for field, value in (("share", share), ("text", "other"), ("stage", Stage.SHADOW)):
        changed = [e.model_copy(update={field: value}) if n == change else e for n, e in enumerate(entries)]
        assert (version_of(changed) == version) == (value == 0.5)
    one = entries[change]
    assert version_of(put(take_out(entries, one.rule_id, Stage.LIVE), one)) == version
