"""Servers of a benchmark's own, beside a stack that runs already, and the end of every benchmark."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from include.local import stack
from include.local.ports import free_ports
from include.reports.checks import Check, exit_code
from include.reports.table import checks_table, terminal
from include.settings import Ports, Settings, settings


@contextmanager
def own_stack(folder: Path) -> Iterator[Settings]:
    """Settings of a stack on free ports; what the folder had before is removed, what it has at the end stays.

    Nothing is started; what was, is stopped at the end.
    """
    ports = dict(zip(Ports.model_fields, free_ports(len(Ports.model_fields)), strict=True))
    changes = {"stack_dir": folder / "stack", "lake_uri": "", "ports": Ports(**ports)}
    now = settings().model_copy(update=changes)
    stack.down(now, say=lambda _: None)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield now
    finally:
        stack.down(now, say=lambda _: None)


@contextmanager
def own_servers(*names: str) -> Iterator[Settings]:
    """Settings of servers on free ports, in a folder that is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        with own_stack(folder) as now:
            stack.up(now, only=names)
            yield now
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def conclude(name: str, checks: Sequence[Check], facts: Mapping[str, Any]) -> int:
    """Show the checks, write ``reports/<name>.json``, and return the exit code."""
    console = terminal()
    console.print(checks_table(checks))
    reports = settings().reports_dir
    reports.mkdir(parents=True, exist_ok=True)
    document = {**facts, "checks": [check.document() for check in checks]}
    (reports / f"{name}.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    console.print(f"written: {name}.json")
    return exit_code(checks)
