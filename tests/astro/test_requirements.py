"""requirements.txt: pinned, as locked, as installed, and enough for every file that Airflow loads."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from include.settings import PROJECT
from tests.astro.files import locked, pin, requirements
from tests.astro.imports import closure, deployed_files, providers, third_party


@pytest.fixture(scope="module")
def given() -> set[str]:
    """Distributions in the image: those of Airflow and those of requirements.txt."""
    return closure([Requirement("apache-airflow"), *requirements()])


@pytest.fixture(scope="module")
def modules() -> dict[str, set[str]]:
    """Distributions by the module they install."""
    return providers()


@pytest.mark.parametrize("requirement", requirements(), ids=lambda requirement: requirement.name)
def test_pinned_as_locked_and_installed(requirement: Requirement) -> None:
    name = canonicalize_name(requirement.name)
    assert pin(requirement), f"expected one version of {name}, got {requirement.specifier or 'any'}"
    assert pin(requirement) == locked()[name] == metadata.version(name)


def test_both_halves_of_pyspark_are_the_same_version() -> None:
    pins = {requirement.name: pin(requirement) for requirement in requirements()}
    assert pins["pyspark"] == pins["pyspark-client"]


def test_airflow_itself_comes_with_the_image() -> None:
    assert "apache-airflow" not in {requirement.name for requirement in requirements()}


@pytest.mark.parametrize("path", list(deployed_files()), ids=lambda path: str(path.relative_to(PROJECT)))
def test_imports_only_what_the_image_has(path: Path, given: set[str], modules: dict[str, set[str]]) -> None:
    foreign = {
        name: sorted(modules.get(name, ()))
        for name in third_party(path)
        if not modules.get(name, set()) & given
    }
    assert foreign == {}, (
        "not in requirements.txt nor brought along by it: module and where it comes from here"
    )
