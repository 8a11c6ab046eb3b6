"""What Airflow loads of the desk: next to nothing, except where the API is served."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from include.settings import PROJECT

_LOAD = """
import json, sys, time
import airflow.plugins_manager
from airflow._shared.module_loading import find_path_from_directory
from airflow._shared.plugins_manager.plugins_manager import _load_plugins_from_plugin_directory

files = sorted(find_path_from_directory("plugins/fraud_desk", ".airflowignore"))
before, begun = set(sys.modules), time.perf_counter()
plugins, errors = _load_plugins_from_plugin_directory("plugins/fraud_desk")
taken = time.perf_counter() - begun
print(json.dumps({
    "files": files, "plugins": [plugin.name for plugin in plugins], "errors": errors,
    "modules": sorted(set(sys.modules) - before), "milliseconds": 1000 * taken,
}))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a process of Airflow has after it has loaded the plugin."""
    home = tmp_path_factory.mktemp("airflow")
    found = subprocess.run(
        [sys.executable, "-c", _LOAD],
        cwd=PROJECT,
        env={"AIRFLOW_HOME": str(home), "PYTHONPATH": str(PROJECT), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    document: dict[str, object] = json.loads(found.stdout.splitlines()[-1])
    return document


def test_only_the_plugin_itself_is_loaded(loaded: dict[str, object]) -> None:
    assert loaded["plugins"] == ["fraud_desk"]
    assert loaded["errors"] == {}
    assert [Path(str(file)).name for file in loaded["files"]] == ["__init__.py"]  # type: ignore[attr-defined]
    assert loaded["modules"] == ["__init__"]


def test_it_costs_no_process_a_noticeable_time(loaded: dict[str, object]) -> None:
    assert float(str(loaded["milliseconds"])) < 50
