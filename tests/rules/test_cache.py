from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from include.rules import cache
from include.rules.cache import RuleSetLoader
from include.rules.errors import RuleSetError

Write = Callable[..., Path]


def test_the_rules_are_loaded_once_until_a_file_changes(
    write: Write, tmp_path: Path, columns: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Path] = []

    def counting(directory: Path, columns: Any) -> Any:
        calls.append(directory)
        return load(directory, columns)

    load = cache.load_rules
    monkeypatch.setattr(cache, "load_rules", counting)
    write("a", "amount > 5")
    loader = RuleSetLoader(tmp_path, columns)
    first = loader.current()
    assert loader.current() is first
    assert len(calls) == 1
    write("a", "amount > 50")
    second = loader.current()
    assert (second.version != first.version, len(calls)) == (True, 2)
    write("b", "amount > 7")
    assert len(loader.current().rules) == 2
    (tmp_path / "b.sql").unlink()
    assert loader.current() == second


def test_a_broken_edit_keeps_the_last_good_set_and_is_told(
    write: Write, tmp_path: Path, columns: dict[str, Any]
) -> None:
    write("a", "amount > 5")
    loader = RuleSetLoader(tmp_path, columns)
    good = loader.current()
    write("a", "amout > 5")
    assert loader.current() is good
    (problem,) = loader.problems
    assert "did you mean 'amount'?" in problem.message
    assert loader.current() is good
    write("a", "amount > 6")
    assert loader.current().rules[0].sql == "amount > 6"
    assert loader.problems == ()


def test_rules_that_disappear_do_not_switch_the_monitoring_off(
    write: Write, tmp_path: Path, columns: dict[str, Any]
) -> None:
    path = write("a", "amount > 5")
    loader = RuleSetLoader(tmp_path, columns)
    good = loader.current()
    path.unlink()
    assert loader.current() is good
    assert "found none" in loader.problems[0].message


def test_broken_from_the_start_is_an_error_until_it_is_mended(
    write: Write, tmp_path: Path, columns: dict[str, Any]
) -> None:
    write("a", "amout > 5")
    loader = RuleSetLoader(tmp_path, columns)
    for _ in range(2):
        with pytest.raises(RuleSetError, match="amout"):
            loader.current()
    write("a", "amount > 5")
    assert len(loader.current().rules) == 1
