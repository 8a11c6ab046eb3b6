"""Parity of a lake: scored batches' features computed again from the accepted batches.

A batch's features follow from the states before it, and those from every batch before. So a check that is
clean keeps the states it ends with, and the next goes on from them: they were computed from the log, never
read from the live store. It goes back further where a batch has been written again since (a batch scored a
second time, a file changed): to the newest kept states before that batch. States are kept for as many
batches as may be repeated; a batch written again that lies before all of them is named in the record, and
not compared, unless the lake still begins with its first batch.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from include.detection.registry import PromotionGate
from include.features.errors import ParityBroken
from include.features.parity import LoggedBatch, check_parity
from include.pipeline.batch_log import BatchLog, number_of
from include.pipeline.parity_record import (
    CleanCheck,
    ParityRecord,
    read_record,
    refuse_unless_clean,
    write_record,
)
from include.pipeline.retention import REPEATABLE_BATCHES
from include.reports.checks import exit_code
from include.reports.table import checks_table
from include.settings import settings
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, scored_file
from include.stores.memory.state import NewestStateStore

log = logging.getLogger(__name__)


def check(lake: Lake, whole: bool = False) -> ParityRecord:
    """Compare what has been scored since the last clean check, and record what was found.

    Idempotent: once everything is clean, the same again compares nothing and stays clean.

    Parameters
    ----------
    whole
        Go back as far as the lake does.

    Returns
    -------
    ParityRecord
        It stands in the lake as well, unless no batch has been scored yet.

    Raises
    ------
    ParityBroken
        The lake does not reach back to any states that a check could start from.
    """
    began, before = datetime.now(UTC), read_record(lake)
    clean = before.last_clean if before else None
    stop = BatchLedger(lake).cursor(Stage.SCORED).next_batch
    record = ParityRecord(checked_at=began, next_batch=stop, last_clean=clean)
    if stop == 0:
        return record
    # Killed on the way it is not a clean check either.
    write_record(lake, replace(record, broken_off="it has not come to its end"))
    try:
        start, lost = _where_to_start(lake, clean, whole)
        states = BatchLog(lake).states(start)
        report = check_parity(_batches(lake, states, start, stop), states)
    except Exception as error:
        # A check that cannot be made is not a clean one: promotion waits for the next.
        write_record(lake, replace(record, broken_off=f"{type(error).__name__}: {error}"))
        raise
    if lost:
        log.warning("batches %s were written again, and nothing is left to compute them from", lost)
    record = replace(
        record,
        first_batch=start,
        rows=report.rows,
        values=report.values,
        mismatched=report.mismatched,
        mismatches=tuple(map(str, report.mismatches)),
        not_compared=lost,
    )
    if record.holds:
        record = replace(record, last_clean=CleanCheck(began, stop))
        _keep_states(lake, record, states)
    write_record(lake, record)
    return record


def gate_of(lake: Lake) -> PromotionGate:
    """What stands before a promotion: the last check has to be clean; it is made now if there is none yet.

    As long as no batch has been scored there is nothing that could differ, and the gate is open.
    """

    def gate() -> None:
        record = read_record(lake) or check(lake)
        if record.next_batch:
            refuse_unless_clean(record)

    return gate


def _where_to_start(lake: Lake, clean: CleanCheck | None, whole: bool) -> tuple[int, tuple[int, ...]]:
    """First batch to compute, and the batches before it that were written again and are lost to the check."""
    batch_log = BatchLog(lake)
    oldest = batch_log.first()
    first = oldest if oldest is not None else clean.next_batch if clean else 0
    # States of no clean check we know of are not to be started from.
    starts = batch_log.starts(first, clean.next_batch if clean else 0)
    if not starts:
        raise ParityBroken(
            f"expected batch 0 in the lake, or the states of a clean check at batch {first} or later, got "
            f"batches from {first} on and neither; put the older batches back under {Stage.ACCEPTED}/ and "
            f"{Stage.SCORED}/, then run check_parity"
        )
    again = _written_again(lake, clean) if clean else []
    wanted = 0 if whole or clean is None else min([clean.next_batch, *again])
    start = max((n for n in starts if n <= wanted), default=min(starts))
    return start, tuple(n for n in again if n < start)


def _written_again(lake: Lake, clean: CleanCheck) -> list[int]:
    """Batches a clean check went over and of which a file is newer than that."""
    folders = {
        path.split("/")[1]
        for stage in (Stage.ACCEPTED, Stage.SCORED)
        for path in lake.written_since(str(stage), clean.checked_at)
    }
    return sorted(n for n in map(number_of, folders) if n < clean.next_batch)


def _keep_states(lake: Lake, record: ParityRecord, states: NewestStateStore) -> None:
    """Write the states a clean check ended with; drop those that are superseded or too old to be needed."""
    batch_log = BatchLog(lake)
    known = batch_log.kept_states()
    if record.batches:
        batch_log.keep_states(record.next_batch, states)
    needed = max((n for n in known if n <= record.next_batch - REPEATABLE_BATCHES), default=0)
    for n in known:
        # Those on the way were of batches that may have been written again since.
        if n < needed or record.first_batch < n < record.next_batch:
            batch_log.drop_states(n)


def _batches(lake: Lake, states: NewestStateStore, start: int, stop: int) -> Iterator[LoggedBatch]:
    """The log, each batch with what was made of it."""
    for batch in BatchLog(lake).batches(states, start, stop):
        scored = lake.read_table(scored_file(batch.number))
        yield LoggedBatch(batch.number, batch.accepted, scored, batch.labels)


def write(record: ParityRecord, folder: Path) -> Path:
    """Write ``parity.json`` among the reports."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "parity.json"
    path.write_text(json.dumps(record.document(), indent=1), encoding="utf-8")
    return path


def main() -> int:
    """``make parity``: 0 if everything agrees, as far back as the lake goes."""
    console, record = Console(), check(Lake(settings().lake), whole=True)
    for mismatch in record.mismatches:
        console.print(f"[red]differs:[/] {mismatch}", highlight=False)
    console.print(
        f"{record.batches:,} batches, {record.rows:,} transactions, {record.values:,} values compared"
    )
    console.print(checks_table(record.checks, "Parity"))
    path = write(record, settings().reports_dir)
    console.print(f"written: {path.parent.name}/{path.name}", highlight=False, soft_wrap=True)
    return exit_code(record.checks)


if __name__ == "__main__":
    sys.exit(main())
