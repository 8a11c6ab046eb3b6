"""Processes of a stack, and nothing else: that is how orphans are found.

A process bears marks in its environment. Airflow's workers overwrite theirs when they rename themselves, so
the folder they were started in counts as well: a service's own, which nobody else works in.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

STACK_MARK = "TIDEWATCH_STACK_MARK"
SERVICE_MARK = "TIDEWATCH_SERVICE_MARK"


def marked(stack_dir: Path, service: str | None = None) -> list[psutil.Process]:
    """Processes of a stack, or of one of its services; never the caller or one of its parents."""
    mine = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid in mine:
                continue
            if _is_marked(process, stack_dir, service) or _is_at_home(process, stack_dir, service):
                found.append(process)
    return found


def _is_marked(process: psutil.Process, stack_dir: Path, service: str | None) -> bool:
    environment = process.environ()
    return environment.get(STACK_MARK) == str(stack_dir) and service in (None, environment.get(SERVICE_MARK))


def _is_at_home(process: psutil.Process, stack_dir: Path, service: str | None) -> bool:
    """Whether it works in a service's folder without a terminal; a person looking around has one."""
    folder = Path(process.cwd().removesuffix(" (deleted)"))
    return folder.parent == stack_dir and service in (None, folder.name) and process.terminal() is None


def end(processes: Sequence[psutil.Process], patience_seconds: float = 10) -> None:
    """Terminate processes, and kill those that do not listen."""
    for process in processes:
        with suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(processes, timeout=patience_seconds)
    for process in stubborn:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)
