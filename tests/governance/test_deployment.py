"""What initialize_stores does with the shipped rules: once it publishes them, later it only says what differs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from include.governance.rule_book import RuleBook
from include.orchestration.upkeep import check_rules
from include.rules.columns import rule_columns
from include.rules.errors import RuleSetError
from include.settings import Settings, settings
from include.stores.lake.files import Lake

RULE = (
    "-- id: a\n-- title: A title\n-- typology: card_testing\n-- severity: HIGH\n-- owner: somebody\n"
    "-- version: 1\n-- action: ALERT\namount > 10\n"
)


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The folder of shipped rules, with one in it."""
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "a.sql").write_text(RULE)
    monkeypatch.setenv("TIDEWATCH_LAKE_URI", (tmp_path / "lake").as_uri())
    monkeypatch.setattr(Settings, "rules_dir", folder)
    settings.cache_clear()
    yield folder
    settings.cache_clear()


def test_a_deployment_fills_the_book_once_and_then_names_differences(
    shipped: Path, caplog: pytest.LogCaptureFixture
) -> None:
    check_rules()
    book = RuleBook(Lake(settings().lake), rule_columns())
    before = book.current().version
    (shipped / "a.sql").write_text(RULE.replace("> 10", "> 20"))
    with caplog.at_level(logging.WARNING):
        check_rules()
    assert (book.current().version, len(book.history())) == (before, 1)
    assert 'trigger change_rule with {"rule": "a"}' in caplog.text


def test_a_broken_file_is_told_and_changes_nothing(shipped: Path) -> None:
    check_rules()
    (shipped / "a.sql").write_text(RULE.replace("amount", "amout"))
    with pytest.raises(RuleSetError, match=r"a\.sql:8"):
        check_rules()
    assert RuleBook(Lake(settings().lake), rule_columns()).current().live.rules.rules[0].sql == "amount > 10"
