"""The bodies of the tasks of change_rule, change_list and backtest_rules, one after the other, on a scored bank."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from include.governance.audit import ACTIONS, AuditChain
from include.governance.errors import BacktestDiffers, ChangeRefused
from include.governance.rule_book import RuleBook
from include.governance.rule_life import RuleLife
from include.orchestration import governance_rules as tasks
from include.pipeline.rule_texts import rule_text
from include.rules.columns import rule_columns
from include.rules.loader import RULES_DIRECTORY, check_rule
from include.settings import settings
from include.stores.lake.files import Lake
from include.stores.lake.ledger import Stage, batch_folder
from tests.pipeline.ruled_bank import RuledBank
from tests.pipeline.ruled_bank import rule_text as text_of

PARAMS = {"kind": "change", "share": 1.0, "shadow_batches": 2, "author": ""}


@dataclass(frozen=True)
class Run:
    """What a body sees of its run."""

    run_id: str
    triggering_user_name: str | None = "ann"


def answer(name: str | None, option: str = "Approve") -> dict[str, Any]:
    return {"chosen_options": [option], "responded_by_user": name and {"id": name, "name": name}}


@pytest.fixture
def bank(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[RuledBank]:
    """Two scored batches under the shipped rules, in the lake that the settings name."""
    monkeypatch.setenv("TIDEWATCH_LAKE_URI", (tmp_path / "lake").as_uri())
    settings.cache_clear()
    made = RuledBank.of(Lake(settings().lake), customers=50)
    made.score(2)
    yield made
    settings.cache_clear()


@pytest.fixture
def change(bank: RuledBank) -> Callable[..., str]:
    """A run of change_rule up to the question; returns what is asked."""

    def run(run: Run, **params: Any) -> str:
        given = PARAMS | params
        rule_id = tasks.check_draft(given, run)
        evidence = tasks.backtest_draft(rule_id, given, run)
        tasks.start_shadow(rule_id, evidence, run)
        while not tasks.shadow_is_over(rule_id, given, run):
            bank.score(1)
        return tasks.judge_shadow(rule_id, evidence, run)

    return run


def test_from_a_draft_to_a_rule_that_hits_the_next_batch(bank: RuledBank, change: Callable[..., str]) -> None:
    run = Run("run-1")
    asked = change(run, rule=text_of("wide", "amount > 30"))
    assert "**ann** wants to change the rule **wide**" in asked
    amounts = bank.stream["amount"].to_pylist()[120:240]  # of the batches in the shadow
    assert f"2 batches, 120 transactions; {sum(amount > 30 for amount in amounts)} hits" in asked
    assert "| alerts (the models' budget: 0)" in asked
    assert "amount > 30" in asked
    with pytest.raises(ChangeRefused, match="other than its author"):
        tasks.decide("wide", answer("ann"), run)
    tasks.decide("wide", answer("bob"), run)
    bank.score(1)
    table = bank.lake.read_table(f"{batch_folder(Stage.SCORED, 4)}/data.parquet")
    hit = [row > 30 for row in table["amount"].to_pylist()]
    assert [("wide" in row) for row in table["rule_hits"].to_pylist()] == hit
    assert any(hit)
    folder = tasks.run_backtest(
        {"rule": "", "share": 1.0, "from": "", "until": "", "labels_as_of": ""}, Run("run-2")
    )
    assert bank.lake.names(folder) == ["backtest.html", "backtest.json"]
    actions = list(AuditChain(bank.lake, ACTIONS).records())
    assert len(actions) == 5


@pytest.mark.parametrize(
    ("given", "words"),
    [(answer("bob", "Reject"), "rejected"), (answer(None, "Reject"), "in time"), (None, "in time")],
)
def test_a_no_or_no_answer_ends_the_shadow(
    bank: RuledBank, change: Callable[..., str], given: dict[str, Any] | None, words: str
) -> None:
    before = bank.book.current().version
    change(Run("run-1"), rule="blocked_counterparty", shadow_batches=0)
    with pytest.raises(AirflowSkipException, match=words):
        tasks.decide("blocked_counterparty", given, Run("run-1"))
    assert bank.book.current().version == before


def test_a_rule_is_retired(bank: RuledBank, change: Callable[..., str]) -> None:
    asked = change(Run("run-1"), rule="large_amount", kind="retire")
    assert "wants to retire the rule **large_amount**" in asked
    tasks.decide("large_amount", answer("bob"), Run("run-1"))
    assert "large_amount" not in {entry.rule_id for entry in bank.book.entries()}
    assert len(RuleLife(bank.lake, "large_amount").steps()) == 4


def test_who_is_the_author(bank: RuledBank) -> None:
    params = PARAMS | {"rule": "blocked_counterparty", "author": "eve"}
    assert tasks.author_of(params, Run("run-1")) == "ann"
    assert tasks.author_of(params, Run("run-1", None)) == "eve"
    with pytest.raises(ChangeRefused, match="name the author"):
        tasks.check_draft(params | {"author": " "}, Run("run-1", None))


def test_a_replay_that_decides_otherwise_fails_and_has_its_page(bank: RuledBank) -> None:
    path = f"{batch_folder(Stage.SCORED, 1)}/data.parquet"
    table = bank.lake.read_table(path)
    place = table.schema.get_field_index("severity")
    bank.lake.write_table(
        path, table.set_column(place, table.schema.field(place), [["CRITICAL"] * table.num_rows])
    )
    params = {"rule": "", "share": 1.0, "from": "", "until": "", "labels_as_of": ""}
    with pytest.raises(BacktestDiffers, match=r"in the batches \(1,\)"):
        tasks.run_backtest(params, Run("run-1"))
    (folder,) = bank.lake.names("backtests")
    assert b"Decided otherwise live in the batches 1." in bank.lake.read_bytes(
        f"backtests/{folder}/backtest.html"
    )


def test_lists_change_by_one_entry_or_by_several(bank: RuledBank) -> None:
    one = {
        "kind": "ADD",
        "list": "BLOCKED",
        "subject": "ACCOUNT",
        "value": "A1",
        "reason": "stolen",
        "entries": [],
    }
    for _ in range(2):
        assert tasks.change_list(one, Run("run-1")) == 1
    end = {"kind": "END", "list": "BLOCKED", "subject": "ACCOUNT", "value": "A1", "reason": "found again"}
    add = {
        "list": "TRUSTED",
        "subject": "COUNTRY",
        "value": "DE",
        "reason": "home",
        "valid_until": "2027-01-01",
    }
    assert tasks.change_list({"entries": [end, add]}, Run("run-2", "bob")) == 2
    book = RuleBook(bank.lake, rule_columns()).lists
    change = book.change(2)
    assert (change.author, [entry.kind for entry in change.entries]) == ("bob", ["END", "ADD"])
    assert (book.change(1).entries[0].reason, book.current_number()) == ("stolen", 2)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([{"list": "GREY", "subject": "ACCOUNT", "value": "A1", "reason": "x"}], "entry 1 of 1: list"),
        ([{"list": "BLOCKED", "subject": "ACCOUNT", "reason": "x"}], "value: field required"),
        ([{"list": "BLOCKED", "subject": "COUNTRY", "value": "de", "reason": "x"}], "capitals"),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(
    bank: RuledBank, entries: list[dict[str, str]], words: str
) -> None:
    with pytest.raises(ChangeRefused, match=words):
        tasks.change_list({"entries": entries}, Run("run-1"))
    assert bank.book.lists.current_number() == 0


def test_shipped_drafts_are_sound_and_named_like_their_files() -> None:
    for path in sorted((RULES_DIRECTORY.parent / "drafts").glob("*.sql")):
        assert check_rule(rule_text(path.stem), rule_columns()).rule_id == path.stem


@pytest.mark.parametrize("name", ["nothing_there", "../rules/large_amount", "", "Large_amount"])
def test_what_is_no_draft_is_refused(name: str) -> None:
    with pytest.raises(ChangeRefused, match="header included"):
        rule_text(name)


def test_no_line_of_a_draft_ends_its_block_on_the_approval_page() -> None:
    text = "amount > 10 /*\n```\n**Approved by the committee**\n*/"
    quoted = tasks._quoted(text)
    assert quoted[0] == "````sql"
    assert quoted[-1] == "````"
