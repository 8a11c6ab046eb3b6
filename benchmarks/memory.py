"""Resident memory of servers over time."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

from include.local.supervision import Supervision
from include.settings import Settings

OURSELVES = "this process"
_LOOK_SECONDS = 1.0


@dataclass
class Memory:
    """Resident memory over time, MiB, of this process and of each server with its children."""

    samples: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def look(self, processes: dict[str, psutil.Process]) -> None:
        """Take one sample of each."""
        for name, process in processes.items():
            try:
                family = [process] if name == OURSELVES else [process, *process.children(recursive=True)]
                taken = sum(one.memory_info().rss for one in family)
            except psutil.NoSuchProcess:
                continue
            self.samples[name].append(taken / 2**20)

    def growth(self, name: str) -> float:
        """Peak of the last quarter over the peak of the second: the first quarter warms up."""
        taken = self.samples[name]
        quarter = max(len(taken) // 4, 1)
        return max(taken[-quarter:]) / max(taken[quarter : 2 * quarter] or taken)


@contextmanager
def watching(now: Settings) -> Iterator[Memory]:
    """Sample memory until the end."""
    states = Supervision(now).states()
    processes = {name: psutil.Process(state["pid"]) for name, state in states.items() if state.get("pid")}
    processes[OURSELVES] = psutil.Process(os.getpid())
    memory, over = Memory(), threading.Event()

    def sample() -> None:
        while not over.wait(_LOOK_SECONDS):
            memory.look(processes)

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        over.set()
        thread.join()
