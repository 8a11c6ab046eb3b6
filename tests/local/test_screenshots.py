"""What the command for the README's pictures says where it cannot work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from include.local.browser import NAMES, browser_path
from include.local.errors import NoBrowser
from include.local.screenshots import main
from include.settings import settings


@pytest.fixture
def no_stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Settings of a stack that does not run."""
    monkeypatch.setenv("TIDEWATCH_STACK_DIR", str(tmp_path))
    monkeypatch.setenv("TIDEWATCH_PORTS__AIRFLOW", "19")
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_without_a_stack(no_stack: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--into", str(tmp_path / "images")]) == 1
    assert "run `make demo` first" in capsys.readouterr().err
    assert not (tmp_path / "images").exists()


def test_without_a_browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoBrowser, match="apt-get install chromium"):
        browser_path()


@pytest.mark.parametrize("name", NAMES)
def test_any_of_the_browsers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    there = tmp_path / name
    there.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert browser_path() == str(there)
