"""Processes of a stack, told by marks in their environment: that is how orphans are found, and nothing else."""

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
            environment = process.environ()
            if environment.get(STACK_MARK) == str(stack_dir) and service in (
                None,
                environment.get(SERVICE_MARK),
            ):
                found.append(process)
    return found


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
