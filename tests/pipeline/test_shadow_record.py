"""Rules in the shadow, followed bit by bit: the figures are those of a count over all their batches at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.governance.rule_entry import Stage
from include.governance.rule_life import ChangeKind, LifeStep, RuleLife
from include.governance.rule_steps import RuleSteps
from include.pipeline.rule_shadow import shadow_figures
from include.pipeline.shadow_record import follow_shadows, shadow_record
from include.rules.columns import rule_columns
from include.stores.lake.files import Lake
from tests.pipeline.ruled_bank import RuledBank, rule_text

RULE = "every_other_amount"


@pytest.fixture
def bank(tmp_path: Path) -> RuledBank:
    made = RuledBank.of(Lake(tmp_path.as_uri()))
    made.score(2)
    return made


def shadowed(bank: RuledBank, change: str, text: str) -> LifeStep:
    steps = RuleSteps(bank.lake, bank.book, rule_columns())
    steps.draft(change, "ann", text, 1.0, ChangeKind.CHANGE)
    return steps.start_shadow(change, RULE, {"words": "tested"})


def test_no_book_and_no_shadow_is_nothing(bank: RuledBank, tmp_path: Path) -> None:
    assert follow_shadows(bank.lake, bank.book) == []
    assert shadow_record(bank.lake, RULE) is None
    empty = RuledBank(Lake((tmp_path / "empty").as_uri()), bank.book, None, None, None, (None, None, None))
    assert follow_shadows(empty.lake, bank.book) == []


def test_bit_by_bit_is_what_a_count_at_once_gives(bank: RuledBank) -> None:
    step = shadowed(bank, "change-1", rule_text(RULE, "amount > 50"))
    for _ in range(3):
        bank.score(2)
        assert follow_shadows(bank.lake, bank.book) == [RULE]
        assert follow_shadows(bank.lake, bank.book) == [RULE]
    record = shadow_record(bank.lake, RULE)
    assert record is not None
    assert record.figures == shadow_figures(bank.lake, step, range(2, 8))
    assert (record.figures.batches, record.figures.rows, record.next_batch) == (6, 360, 8)
    assert record.figures.hits > 0


def test_a_newer_draft_begins_anew(bank: RuledBank) -> None:
    shadowed(bank, "change-1", rule_text(RULE, "amount > 50"))
    bank.score(2)
    follow_shadows(bank.lake, bank.book)
    step = shadowed(bank, "change-2", rule_text(RULE, "amount > 5000000"))
    bank.score(1)
    follow_shadows(bank.lake, bank.book)
    record = shadow_record(bank.lake, RULE)
    assert record is not None
    assert (record.change, record.figures.batches, record.figures.hits) == (step.change, 1, 0)


def test_a_rule_that_left_the_shadow_keeps_its_figures(bank: RuledBank) -> None:
    shadowed(bank, "change-1", rule_text(RULE, "amount > 50"))
    bank.score(1)
    follow_shadows(bank.lake, bank.book)
    before = shadow_record(bank.lake, RULE)
    RuleSteps(bank.lake, bank.book, rule_columns()).decide("change-1", RULE, "bob", approved=True)
    assert RULE in {entry.rule_id for entry in bank.book.entries() if entry.stage is Stage.LIVE}
    bank.score(1)
    assert follow_shadows(bank.lake, bank.book) == []
    assert shadow_record(bank.lake, RULE) == before
    assert [str(step.step) for step in RuleLife(bank.lake, RULE).steps()][-1] == "LIVE"
