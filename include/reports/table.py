"""Tables on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from include.reports.checks import Check, said

_WIDTH = 150


def terminal() -> Console:
    """Standard output; as wide as the widest table of a report where it is no terminal."""
    return Console(width=None if sys.stdout.isatty() else _WIDTH)


def checks_table(checks: Sequence[Check], title: str = "Checks") -> Table:
    """One row a check: name, value, must, aim, verdict."""
    table = Table("check", "value", "must", "aim", "verdict", title=title, title_justify="left")
    for check in checks:
        reached = "[green]ok[/]" if check.reaches_aim else "[yellow]below aim[/]"
        verdict = reached if check.holds else "[red]FAILS[/]"
        table.add_row(check.name, said(check), str(check.must or ""), str(check.aim or ""), verdict)
    return table


def counts_table(counts: Mapping[str, object], title: str) -> Table:
    """Two columns: what, how much."""
    table = Table("", "", title=title, title_justify="left", show_header=False)
    for name, value in counts.items():
        table.add_row(name, f"{value:,}" if isinstance(value, int) else str(value))
    return table
