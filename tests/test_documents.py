"""Documents that promise name tests, commands and documents: each of them has to be there, and do what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from include.settings import PROJECT

#: Each with how many tests it names at least: a pattern that finds none holds nothing.
PROMISING = {"SECURITY.md": 15, "RELIABILITY.md": 5, "docs/reliability-design.md": 15}
DOCUMENTS = [*PROMISING, "README.md", "docs/security-profile.md"]
MAKEFILE = (PROJECT / "Makefile").read_text()
#: A test in brackets behind the command that runs it, and the reverse.
RUN_BY = r"`make (test[a-z-]*)`[^`]*\(`(tests/[\w/]+\.py)`\)"
RUNS = r"`(tests/[\w/]+\.py)` \(`make (test[a-z-]*)`\)"

promising = pytest.mark.parametrize("name", PROMISING)
documents = pytest.mark.parametrize("name", DOCUMENTS)


def _text(name: str) -> str:
    return (PROJECT / name).read_text()


@promising
def test_every_test_it_names_is_there(name: str) -> None:
    named = set(re.findall(r"\btests/[\w/]+(?:\*?\.py)?", _text(name)))
    assert len(named) >= PROMISING[name]
    assert sorted(path for path in named if not list(PROJECT.glob(path))) == []


@documents
def test_every_make_target_it_names_is_there(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", _text(name)))
    assert named
    assert named - targets == set()


@documents
def test_every_variable_it_gives_to_a_target_is_one_of_the_makefile(name: str) -> None:
    given = {
        variable
        for line in re.findall(r"`make [^`]+", _text(name))
        for variable in re.findall(r"([A-Z_]+)=", line)
    }
    known = set(re.findall(r"\b([A-Z_]+)\b", MAKEFILE))
    assert sorted(variable for variable in given - known if not variable.startswith("TIDEWATCH_")) == []


@documents
def test_every_document_it_names_is_there(name: str) -> None:
    linked = {link for link in re.findall(r"\]\(([^)#\s]+)", _text(name)) if "://" not in link}
    beside = {(PROJECT / name).parent / link for link in linked}
    named = {PROJECT / path for path in re.findall(r"`(docs/[\w/-]+\.md)`", _text(name))}
    assert beside | named
    assert sorted(str(path) for path in beside | named if not path.exists()) == []


def test_a_test_is_run_by_the_command_that_is_named_beside_it() -> None:
    pairs = set()
    for path in [*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")]:
        text = path.read_text()
        pairs |= set(re.findall(RUN_BY, text)) | {(target, test) for test, target in re.findall(RUNS, text)}
    assert len(pairs) > 3
    assert sorted(pair for pair in pairs if _target(PROJECT / pair[1]) != pair[0]) == []


def _target(test: Path) -> str:
    """The target of the Makefile that runs a file of tests, by its place and its marks."""
    places = {"cluster": "test-cluster", "browser": "test-desk"}
    there = next((target for folder, target in places.items() if folder in test.parts), None)
    return there or ("test-stacks" if "pytest.mark.long" in test.read_text() else "test")
