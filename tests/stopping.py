"""Processes that stand still for a while."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop a process (SIGSTOP), wait until all of it has stopped, and let it go on at the end."""
    os.kill(pid, signal.SIGSTOP)
    try:
        _wait_until_stopped(pid)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _wait_until_stopped(pid: int) -> None:
    """A thread that waits for a disk or for memory stops only then, and may answer until it does."""
    end = time.monotonic() + 10
    while any("State:\tT" not in status.read_text() for status in Path(f"/proc/{pid}/task").glob("*/status")):
        assert time.monotonic() < end, f"process {pid} was told to stop and goes on"
        time.sleep(0.05)
