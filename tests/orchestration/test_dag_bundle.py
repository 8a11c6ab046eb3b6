"""The project as a DAG bundle: its version is that of the code, whoever asks and wherever it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.dag_processing.bundles.base import get_bundle_version_path

from include.orchestration.dag_bundle import ProjectBundle, version_of
from include.settings import PROJECT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in {
        "dags/one.py": "1", "include/sql/rules/a.sql": "amount > 1", "plugins/p.py": "p", "README.md": "read me",
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_same_code_has_the_same_version_elsewhere(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    for path in project.rglob("*.*"):
        (other / path.relative_to(project)).parent.mkdir(parents=True, exist_ok=True)
        (other / path.relative_to(project)).write_bytes(path.read_bytes())
    (other / "README.md").write_text("changed")
    (other / "include" / "__pycache__").mkdir()
    (other / "include" / "__pycache__" / "a.pyc").write_bytes(b"x")
    assert version_of(other) == version_of(project)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("dags/one.py", "2"),
        ("include/sql/rules/a.sql", "amount > 2"),
        ("plugins/new.py", ""),
        ("include/one.py", "1"),
    ],
)
def test_other_code_has_another(project: Path, path: str, text: str) -> None:
    before = version_of(project)
    (project / path).write_text(text)
    assert version_of(project) != before


def test_airflow_finds_the_dags_and_a_folder_it_may_take_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path))
    version = ProjectBundle(name="dags-folder").get_current_version().version
    bundle = ProjectBundle(name="dags-folder", version=version, path=str(PROJECT / "dags"))
    bundle.initialize()
    assert (bundle.path / "score_transactions.py").exists()
    assert get_bundle_version_path(bundle_name="dags-folder", version=version).is_dir()
