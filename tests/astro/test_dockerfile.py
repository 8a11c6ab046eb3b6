"""The Airflow image: its base, and the settings it shares with the embedded stack."""

from __future__ import annotations

import re
from pathlib import Path

from include.local.airflow_environment import LATENCY, airflow_environment
from include.settings import PROJECT, Settings
from tests.astro.files import dockerfile, locked


def test_base_is_the_runtime_of_our_airflow() -> None:
    image = dockerfile().image
    minor = ".".join(locked()["apache-airflow"].split(".")[:2])
    assert re.fullmatch(
        rf"(astrocrpublic\.azurecr\.io/runtime|quay\.io/astronomer/astro-runtime):{re.escape(minor)}-\d+",
        image,
    )


def test_sets_what_latency_needs() -> None:
    environment = dockerfile().environment
    assert {name: environment.get(name) for name in LATENCY} == LATENCY


def test_contradicts_no_setting_of_the_embedded_stack(tmp_path: Path) -> None:
    embedded = airflow_environment(Settings(stack_dir=tmp_path))
    ours = {name: value for name, value in dockerfile().environment.items() if name != "PYTHONPATH"}
    assert {name: embedded.get(name) for name in ours} == ours


def test_project_folder_is_on_the_path() -> None:
    assert dockerfile().environment["PYTHONPATH"].split("$")[0] == "/usr/local/airflow"


def test_does_not_preload_in_every_component() -> None:
    assert "TIDEWATCH_PRELOAD" not in dockerfile().environment


def test_installs_nothing_besides_the_requirement_files() -> None:
    assert dockerfile().instructions <= {"FROM", "ENV", "USER"}


def test_does_not_run_as_root() -> None:
    users = [
        line.split()[1]
        for line in (PROJECT / "Dockerfile").read_text().splitlines()
        if line.startswith("USER ")
    ]
    assert users
    assert users[-1] not in ("root", "0")
