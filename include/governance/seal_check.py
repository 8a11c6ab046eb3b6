"""What is wrong with a batch, held against its seal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from include.governance.audit import AuditBroken, AuditProblem, AuditRecord
from include.governance.audit_record import plain
from include.governance.decisions import decision_chain, manifest_file, seal_of, sealed_files
from include.governance.erasures import Erasure, Erasures
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, batch_folder, labels_file


def seal_problems(lake: Lake, batch: int) -> list[AuditProblem]:
    """Everything that is wrong with one batch that is there: its seal, the seal's place, the files.

    Enough for a look at one batch; whether the chain as a whole holds is for ``verify-audit`` to say.
    """
    chain = decision_chain(lake)
    try:
        seal = seal_of(lake, batch)
    except AuditBroken as error:
        return [AuditProblem(batch_folder(Stage.SCORED, batch), str(error))]
    if seal is None:
        return [no_seal(batch)]
    problems = list(check_sealed(lake, seal, erasures=Erasures.of(lake)))
    if not chain.confirmed(seal):
        problems.insert(
            0,
            AuditProblem(
                chain.path(seal.number),
                "expected the record after it, or the head, to have its SHA-256, got another: exchanged",
            ),
        )
    return problems


def no_seal(batch: int) -> AuditProblem:
    """A scored batch that nobody sealed."""
    return AuditProblem(batch_folder(Stage.SCORED, batch), f"expected a seal of batch {batch}, got none")


def check_sealed(
    lake: Lake,
    seal: AuditRecord,
    deleted: Sequence[range] = (),
    erasures: Erasures | None = None,
    erased: dict[str, Erasure] | None = None,
) -> Iterator[AuditProblem]:
    """Files, manifest and models of a batch against its seal.

    Parameters
    ----------
    deleted
        Batches that retention deletes: a file of theirs that is missing is no problem, one that is there is
        held against the seal all the same.
    erasures
        Requests that rewrote files: what they lead to is no problem, and is entered in ``erased``, by path.
    """
    batch = int(seal.content["batch"])
    by_retention = any(batch in batches for batches in deleted)
    sealed = seal.content["files"]
    for path, facts in sealed.items():
        try:
            found = lake.sha256(path)
        except FileNotFoundError:
            if not by_retention:
                yield AuditProblem(
                    path,
                    f"expected the file that record {seal.number} sealed, got none: it was removed, and not "
                    "by retention",
                )
            continue
        by = erasures.explain(path, facts["sha256"], found) if erasures else None
        if by is not None and erased is not None:
            erased[path] = by
        if found != facts["sha256"] and by is None:
            yield AuditProblem(
                path,
                f"expected SHA-256 {facts['sha256'][:12]}… as record {seal.number} sealed it, got "
                f"{found[:12]}…: it was changed",
            )
    for path in sealed_files(batch):
        if path not in sealed and lake.exists(path):
            what = "labels" if path == labels_file(batch) else "file"
            yield AuditProblem(path, f"expected no {what} beside batch {batch}, got one: it was added")
    yield from _check_manifest(lake, seal, batch)
    for version, digest in seal.content["models"].items():
        yield from _check_model(lake, seal, version, digest)


def check_provisional(
    lake: Lake,
    record: AuditRecord,
    deleted: Sequence[range],
    erasures: Erasures,
    erased: dict[str, Erasure],
) -> Iterator[AuditProblem]:
    """Problems of decisions that were made without history: the file that a record of their chain names.

    Parameters as those of ``check_sealed``.
    """
    if any(record.content["batch"] in batches for batches in deleted):
        return
    for path, facts in record.content["files"].items():
        try:
            found = lake.sha256(path)
        except FileNotFoundError:
            found = "none"
        if (by := erasures.explain(path, facts["sha256"], found)) is not None:
            erased[path] = by
        elif found != facts["sha256"]:
            yield AuditProblem(
                path,
                f"expected SHA-256 {facts['sha256'][:12]}… as record {record.number} has it, got {found[:12]}",
            )


def _check_manifest(lake: Lake, seal: AuditRecord, batch: int) -> Iterator[AuditProblem]:
    path = f"{batch_folder(Stage.SCORED, batch)}/manifest.json"
    try:
        manifest = BatchLedger(lake).manifest(Stage.SCORED, batch) or {}
        stored = {name: plain(value) for name, value in manifest.items()}
    except ValueError as error:
        yield AuditProblem(path, f"expected a manifest in JSON, got something else ({error})")
        return
    for name, value in seal.content["versions"].items():
        if name in stored and stored[name] != value:
            yield AuditProblem(
                path,
                f"expected {name} = {value!r} as record {seal.number} has it, got {stored[name]!r}: "
                "it was changed",
            )


def _check_model(lake: Lake, seal: AuditRecord, version: str, digest: str | None) -> Iterator[AuditProblem]:
    path = manifest_file(version)
    if digest is None:
        return  # it was not in this lake when the batch was scored
    try:
        found = lake.sha256(path)
    except FileNotFoundError:
        found = ""
    if found != digest:
        yield AuditProblem(
            path,
            f"expected the manifest with SHA-256 {digest[:12]}… that record {seal.number} was decided with, "
            f"got {f'{found[:12]}…' if found else 'none'}",
        )
