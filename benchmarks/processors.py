"""Processor time of a stack's parts: what a stretch of the stream costs, and which part of it is what."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress

import psutil

from benchmarks.memory import OURSELVES
from include.local.supervision import Supervision
from include.settings import Settings

#: Airflow's tasks: forks of the scheduler's, or of a Celery worker's.
TASKS = "tasks"
_PARENTS_OF_TASKS = ("scheduler", "celery-worker")


def processor_seconds(now: Settings) -> dict[str, float]:
    """Seconds of processor time since each part of a running stack began, and of this process.

    A part is a supervised server with all it has started; the time of a child that has ended is its parent's. Tasks are
    apart from the scheduler that forks them.
    """
    found = defaultdict(float, {OURSELVES: _own(psutil.Process(os.getpid()))})
    for name, state in Supervision(now).states().items():
        with suppress(psutil.NoSuchProcess):
            if state.get("pid"):
                process = psutil.Process(state["pid"])
                own, whole = _own(process), _with_children(process)
                has_tasks = name.startswith(_PARENTS_OF_TASKS)
                found[name] += own if has_tasks else whole
                if has_tasks:
                    found[TASKS] += whole - own
    return dict(found)


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Seconds between two looks; a part that was not there before, or was started anew, counts from its beginning."""
    taken = {}
    for name, at in after.items():
        since = before.get(name, 0.0)
        taken[name] = round(at - since if at >= since else at, 2)
    return taken


def _with_children(process: psutil.Process) -> float:
    whole = _with_ended(process)
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            whole += _with_ended(child)
    return whole


def _own(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _with_ended(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)
