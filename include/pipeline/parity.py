"""Parity of a lake: every scored batch's features computed again from the accepted batches."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console

from include.features.parity import LoggedBatch, ParityReport, check_parity
from include.pipeline.bank import BANKS
from include.reports.checks import Bound, Check, exit_code
from include.reports.table import checks_table
from include.settings import settings
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, batch_folder
from include.stores.memory.state import MemoryStateStore

_BEFORE_THE_FIRST = -1


def parity_of(lake: Lake) -> ParityReport:
    """Compare all batches scored so far."""
    return check_parity(_batches(lake), starting_states(lake))


def starting_states(lake: Lake) -> MemoryStateStore:
    """The states live scoring starts from: those the banks' histories leave behind."""
    store = MemoryStateStore()
    for bank in lake.names(BANKS):
        path = f"{BANKS}/{bank}/states.parquet"
        if not lake.exists(path):
            continue
        table = lake.read_table(path)
        for kind in pc.unique(table["kind"]).to_pylist():
            part = table.filter(pc.equal(table["kind"], kind))
            states = zip(part["key"].to_pylist(), part["state"].to_pylist(), strict=True)
            store.write(kind, dict(states), _BEFORE_THE_FIRST)
    return store


def _batches(lake: Lake) -> Iterator[LoggedBatch]:
    for number in range(BatchLedger(lake).cursor(Stage.SCORED).next_batch):
        accepted, scored = (
            lake.read_table(f"{batch_folder(stage, number)}/data.parquet")
            for stage in (Stage.ACCEPTED, Stage.SCORED)
        )
        yield LoggedBatch(number, accepted, scored, labels_of(lake, number))


def labels_of(lake: Lake, batch: int) -> pa.Table | None:
    """The labels a batch was scored with, which stand beside it; None if there were none."""
    path = f"{batch_folder(Stage.SCORED, batch)}/labels.parquet"
    return lake.read_table(path) if lake.exists(path) else None


def checks(report: ParityReport) -> list[Check]:
    """What must hold."""
    return [
        Check("batches compared", report.batches, Bound(">=", 1)),
        Check("values that differ", report.mismatched, Bound("==", 0)),
    ]


def write(report: ParityReport, folder: Path) -> Path:
    """Write ``parity.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "batches": report.batches,
        "rows": report.rows,
        "values": report.values,
        "mismatched": report.mismatched,
        "mismatches": [str(mismatch) for mismatch in report.mismatches],
        "checks": [check.document() for check in checks(report)],
    }
    path = folder / "parity.json"
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return path


def main() -> int:
    """``make parity``: 0 if everything agrees."""
    console, report = Console(), parity_of(Lake(settings().lake))
    for mismatch in report.mismatches:
        console.print(f"[red]differs:[/] {mismatch}", highlight=False)
    console.print(
        f"{report.batches:,} batches, {report.rows:,} transactions, {report.values:,} values compared"
    )
    console.print(checks_table(checks(report), "Parity"))
    console.print(f"written: {write(report, settings().reports_dir).name}", highlight=False)
    return exit_code(checks(report))


if __name__ == "__main__":
    sys.exit(main())
