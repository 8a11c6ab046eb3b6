"""Orphans of a stack are found by their marks or by the folder they work in, and nothing else is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from include.local.processes import SERVICE_MARK, STACK_MARK, end, marked

WAIT = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def start(tmp_path: Path):
    started = []

    def make(folder: Path, **marks: str) -> subprocess.Popen[bytes]:
        folder.mkdir(exist_ok=True)
        environment = {
            name: value for name, value in os.environ.items() if name not in (STACK_MARK, SERVICE_MARK)
        }
        started.append(subprocess.Popen(WAIT, cwd=folder, env=environment | marks, start_new_session=True))
        return started[-1]

    yield make
    for process in started:
        process.kill()
        process.wait(10)


def test_by_mark_and_by_folder(start, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    stack = tmp_path / "stack"
    stack.mkdir()
    by_mark = start(elsewhere, **{STACK_MARK: str(stack), SERVICE_MARK: "kafka"})
    by_folder = start(stack / "scheduler")
    start(elsewhere)
    start(stack)
    start(tmp_path / "other", **{STACK_MARK: str(tmp_path / "other"), SERVICE_MARK: "kafka"})
    assert {process.pid for process in marked(stack)} == {by_mark.pid, by_folder.pid}
    assert [process.pid for process in marked(stack, "scheduler")] == [by_folder.pid]
    assert [process.pid for process in marked(stack, "kafka")] == [by_mark.pid]


def test_end_leaves_none(start, tmp_path: Path) -> None:
    start(tmp_path / "scheduler")
    end(marked(tmp_path), patience_seconds=5)
    assert marked(tmp_path) == []
