"""The small files: project name, ignored paths, example of .env."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from include.settings import PROJECT, Settings
from tests.astro.files import read_yaml
from tests.named_settings import assert_names_a_setting

EXAMPLES = dict(re.findall(r"^# (TIDEWATCH_\w+)=(.*)$", (PROJECT / ".env.example").read_text(), re.MULTILINE))


def test_project_has_a_name() -> None:
    assert read_yaml(".astro/config.yaml")["project"]["name"] == "tidewatch"


def test_image_gets_no_secret_and_no_local_state() -> None:
    ignored = set((PROJECT / ".dockerignore").read_text().split())
    assert ignored >= {".env", ".git", ".local", ".venv", "airflow_settings.yaml"}
    assert ignored.isdisjoint({"dags", "include", "plugins", "tests", ".astro"})


def test_packages_are_one_a_line() -> None:
    lines = (PROJECT / "packages.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", line) for line in lines)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_is_a_setting(name: str) -> None:
    assert_names_a_setting(name)


def test_examples_work_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in EXAMPLES.items():
        monkeypatch.setenv(name, value)
    assert Settings(stack_dir=tmp_path).lake == EXAMPLES["TIDEWATCH_LAKE_URI"]


@pytest.mark.parametrize("name", [".github/workflows/ci.yml", ".pre-commit-config.yaml"])
def test_parses(name: str) -> None:
    assert read_yaml(name)


def test_ci_calls_what_a_user_calls() -> None:
    jobs = read_yaml(".github/workflows/ci.yml")["jobs"]
    commands = {step["run"] for job in jobs.values() for step in job["steps"] if "run" in step}
    assert commands == {"bash .ci/run", "make lint"}
