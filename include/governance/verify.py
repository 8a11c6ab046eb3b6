"""Verifies the audit of a lake: chains, sealed files, models; and, through a port, what another store holds.

A sealed file may be missing if, and only if, the chain ``retention`` recorded its batch as about to be deleted,
and every stage had done the batch, without which retention deletes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from include.governance.audit import ACTIONS, AuditChain, AuditProblem, AuditRecord, Head, chains
from include.governance.chain_check import examine
from include.governance.decisions import DECISIONS, PROVISIONAL, RETENTION, deleted_batches, newest_seals
from include.governance.erasures import ERASURES, Erasure, Erasures
from include.governance.seal_check import check_provisional, check_sealed, no_seal
from include.governance.stored_models import model_problems, stored_versions
from include.reports.checks import Bound, Check
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, scored_file

_TOLD = 1_000  # problems in the report


class SecondStore(Protocol):
    """Another store that has the decisions, and the places of their seals."""

    def witnesses(self) -> Mapping[str, Sequence[Head]]:
        """Places of records as they were told it, by chain."""
        ...

    def row_problems(self, scored: pa.Table, batch: int) -> Iterable[AuditProblem]:
        """Rows of a batch that are not what its scored file says."""
        ...

    def rows_by_batch(self) -> Mapping[str, Mapping[int, int]]:
        """Number of rows by table and batch."""
        ...


@dataclass(slots=True)
class Verification:
    """What was verified and what was found."""

    heads: dict[str, Head] = field(default_factory=dict)
    records: int = 0
    sealed: int = 0  # batches
    files: int = 0
    deleted: int = 0  # batches that retention deleted
    erased: dict[str, Erasure] = field(default_factory=dict)  # files that a request rewrote, by path
    before_audit: int = 0  # batches that were scored before the first seal
    scored: int = 0
    models: int = 0
    witnessed: int | None = None  # places of records that the second store has
    rows_compared: int | None = None  # None: no second store was compared
    in_chains: list[AuditProblem] = field(default_factory=list)
    in_files: list[AuditProblem] = field(default_factory=list)
    without_seal: list[AuditProblem] = field(default_factory=list)
    in_models: list[AuditProblem] = field(default_factory=list)
    in_second_store: list[AuditProblem] = field(default_factory=list)
    second_store_wanted: bool = True
    second_store_trouble: str | None = None  # why it could not be compared

    @property
    def problems(self) -> list[AuditProblem]:
        """Everything that was found."""
        return [
            *self.in_chains, *self.in_files, *self.without_seal, *self.in_models, *self.in_second_store,
        ]  # fmt: skip

    @property
    def checks(self) -> list[Check]:
        """What must hold, and what is told beside it."""
        none = Bound("==", 0)
        differing = None if self.rows_compared is None else len(self.in_second_store)
        checks = [
            Check("batches scored so far", self.scored, Bound(">=", 1)),
            Check("audit records", self.records),
            Check("broken places in the chains", len(self.in_chains), none),
            Check("sealed batches", self.sealed),
            Check("of these deleted by retention", self.deleted),
            Check("sealed files compared", self.files),
            Check("of these rewritten by an erasure that was approved", len(self.erased)),
            Check("sealed files changed, removed or added", len(self.in_files), none),
            Check("batches scored before the audit began", self.before_audit),
            Check("scored batches without a seal", len(self.without_seal), none),
            Check("models", self.models),
            Check("model files or promotions changed", len(self.in_models), none),
        ]
        if self.second_store_wanted:
            checks += [
                Check("Cassandra compared", self.rows_compared is not None, Bound("==", True)),
                Check("rows compared in Cassandra", self.rows_compared),
                Check("hashes of records that Cassandra witnesses", self.witnessed),
                Check("rows in Cassandra that differ", differing, none),
            ]
        return checks

    def document(self) -> dict[str, Any]:
        """As ``reports/audit.json`` has it."""
        return {
            "checks": [check.document() for check in self.checks],
            "heads": {name: {"number": at.number, "sha256": at.sha256} for name, at in self.heads.items()},
            "erased": {path: str(by) for path, by in sorted(self.erased.items())},
            "problems": [{"where": found.where, "what": found.what} for found in self.problems[:_TOLD]],
            "problems_not_listed": max(len(self.problems) - _TOLD, 0),
            "second_store_trouble": self.second_store_trouble,
        }


def verify_audit(lake: Lake, second: SecondStore | None = None) -> Verification:
    """Verify everything that the audit covers.

    Batches that are scored or loaded again meanwhile may be told as changed: then verify again.

    Parameters
    ----------
    second
        None: the lake alone.
    """
    ledger = BatchLedger(lake)
    # Before anything else: what is scored or loaded while this goes on is not looked at.
    cursors = {stage: ledger.cursor(stage).next_batch for stage in Stage}
    result = Verification(scored=cursors[Stage.SCORED], second_store_wanted=second is not None)
    witnesses = {} if second is None else second.witnesses()
    if second is not None:
        result.witnessed = sum(map(len, witnesses.values()))
    records = _verify_chains(lake, witnesses, result)
    seals = newest_seals(records.get(DECISIONS, []))
    done = min(cursors.values())
    deleted = [range(r.start, min(r.stop, done)) for r in deleted_batches(records.get(RETENTION, []))]
    erasures = Erasures(records.get(ERASURES, []))
    result.in_chains += erasures.without_approval(records.get(ACTIONS, []))
    _verify_batches(lake, seals, deleted, erasures, cursors[Stage.SCORED], result)
    for record in {one.content["batch"]: one for one in records.get(PROVISIONAL, [])}.values():
        result.in_files += check_provisional(lake, record, deleted, erasures, result.erased)
        result.files += 1
    result.models = len(stored_versions(lake))
    result.in_models += model_problems(lake)
    if second is not None:
        _compare(lake, second, seals, deleted, cursors[Stage.STORED], result)
    return result


def _verify_chains(
    lake: Lake, witnesses: Mapping[str, Sequence[Head]], result: Verification
) -> dict[str, list[AuditRecord]]:
    records = {}
    for name in sorted({*chains(lake), *witnesses}):
        records[name], problems = examine(AuditChain(lake, name), witnesses.get(name, ()))
        result.in_chains += problems
        result.records += len(records[name])
        result.heads[name] = records[name][-1].place if records[name] else Head()
    return records


def _verify_batches(
    lake: Lake,
    seals: Mapping[int, AuditRecord],
    deleted: Sequence[range],
    erasures: Erasures,
    scored: int,
    result: Verification,
) -> None:
    result.sealed = len(seals)
    for seal in seals.values():
        result.in_files += check_sealed(lake, seal, deleted, erasures, result.erased)
        result.files += len(seal.content["files"])
    gone = {batch for batches in deleted for batch in batches}
    result.deleted = len(gone & set(seals))
    first = min(seals, default=scored)
    # They cannot be told from batches whose seals were all removed; Cassandra's witnesses can.
    result.before_audit = min(first, scored)
    result.without_seal += [no_seal(batch) for batch in range(first, scored) if batch not in seals]


def _compare(
    lake: Lake,
    second: SecondStore,
    seals: Mapping[int, AuditRecord],
    deleted: Sequence[range],
    stored: int,
    result: Verification,
) -> None:
    rows: dict[int, int] = {}
    for batch, scored in _scored_tables(lake, seals, deleted, stored, result):
        rows[batch] = scored.num_rows
        result.in_second_store += second.row_problems(scored, batch)
    result.rows_compared = sum(rows.values())
    counts = second.rows_by_batch()
    scored_until = BatchLedger(lake).cursor(Stage.SCORED).next_batch  # since grown, perhaps
    for table, by_batch in counts.items():
        for batch, found in by_batch.items():
            expected = rows.get(batch, 0 if batch >= scored_until else found)
            if found > expected:  # one too few is told by its row
                result.in_second_store.append(
                    AuditProblem(
                        f"{table}, batch {batch}",
                        f"expected the {expected} rows of the scored file, got {found}: rows were added",
                    )
                )


def _scored_tables(
    lake: Lake, seals: Mapping[int, AuditRecord], deleted: Sequence[range], stored: int, result: Verification
) -> Iterator[tuple[int, pa.Table]]:
    for batch in sorted(seals):
        if batch >= stored or any(batch in batches for batches in deleted):
            continue
        path = scored_file(batch)
        try:
            yield batch, lake.read_table(path)
        except FileNotFoundError:
            continue  # told among the files
        except (OSError, pa.ArrowException) as error:
            result.in_second_store.append(
                AuditProblem(path, f"expected Parquet to compare Cassandra with, got {error}")
            )
