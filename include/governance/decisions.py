"""The seal of a scored batch: hashes of its files, and what its decisions were made with.

A seal is a record of the chain ``decisions``; the one that counts for a batch is the newest. It is written
after everything of the batch and before the ledger knows the batch as scored, so no batch that counts is
without one as long as the chain can be appended to. A batch scored a second time with the same outcome keeps
its seal; with another outcome, a kill between the seal and the ledger for one, which leaves the batch to be
scored at another moment, a seal is appended that names the first, and both stay.

Retention deletes batches whose seals stay. It records in the chain ``retention`` what it is about to delete,
before it does: a sealed file that is missing and stands in no such record was removed by somebody else.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from include.detection.manifest import features_hash, library_versions
from include.features.catalogue import FEATURE_NAMES
from include.governance.audit import AuditChain, AuditRecord
from include.stores.lake.files import Lake
from include.stores.lake.ledger import (
    Stage,
    accepted_file,
    labels_file,
    partition_key,
    scored_file,
)
from include.stores.lake.names import MODELS

#: Chain of the seals.
DECISIONS = "decisions"
#: Chain, and folder, of what was decided without history; see ``include.pipeline.provisional``.
PROVISIONAL = "provisional"
#: Chain of what retention deletes.
RETENTION = "retention"

_SEALED = "batch scored"
_DELETED = "batches deleted"


def seal_name(batch: int) -> str:
    """Key of a batch's seals."""
    return f"batch={partition_key(batch)}"


def decision_chain(lake: Lake) -> AuditChain:
    """The chain of the seals; what leads from a batch to its newest seal lies, and goes, with the batch."""
    return AuditChain(lake, DECISIONS, lambda key: f"{Stage.SCORED}/{key}/seal.json")


def seal_batch(
    lake: Lake,
    batch: int,
    versions: Mapping[str, Any],
    *,
    actor: str = "score_transactions",
    time: datetime | None = None,
) -> AuditRecord:
    """Seal a batch whose files have all been written; to be called before the ledger completes it.

    Idempotent: the same files and versions again leave the seal there is.

    Parameters
    ----------
    versions
        What the decisions were made with: model, rule set, lists, ``scored_at`` and whatever else a replay
        has to know. Models and rule sets that the rows name, hashes of these models' manifests, the features
        and the installed libraries are added to it.

    Raises
    ------
    AuditError
        The seal could not be appended: somebody has to be told.
    FileNotFoundError
        The batch has not been written.
    """
    content: dict[str, Any] = {"batch": batch, "files": {}, "versions": dict(versions), "code": dict(_code())}
    for path in sealed_files(batch):
        if path == labels_file(batch) and not lake.exists(path):
            continue
        data = lake.read_bytes(path)
        content["files"][path] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        if path == scored_file(batch):
            content |= _named_by_rows(lake, data)
    return decision_chain(lake).append(
        key=seal_name(batch),
        kind=_SEALED,
        actor=actor,
        subject=f"batch {batch}",
        content=content,
        time=time,
    )


def seal_of(lake: Lake, batch: int) -> AuditRecord | None:
    """The newest seal of a batch that is still there; None if it has none.

    Raises
    ------
    AuditBroken
        It was changed.
    """
    return decision_chain(lake).newest(seal_name(batch))


def newest_seals(records: Iterable[AuditRecord]) -> dict[int, AuditRecord]:
    """Of the records of the chain ``decisions``, the one that counts for each batch."""
    return {int(record.content["batch"]): record for record in records if record.kind == _SEALED}


def record_retention(lake: Lake, batches: Sequence[int], why: Mapping[str, Any]) -> AuditRecord:
    """Record that the files of ``batches``, in rising order, are about to be deleted.

    Idempotent: the same again changes nothing. Batches between them that are not there any more are not
    recorded: they were removed by somebody else.
    """
    runs: list[list[int]] = []
    for batch in batches:
        if runs and batch == runs[-1][1] + 1:
            runs[-1][1] = batch
        else:
            runs.append([batch, batch])
    return AuditChain(lake, RETENTION).append(
        key=f"batches={batches[0]}-{batches[-1]}",
        kind=_DELETED,
        actor="clean_lake",
        subject=f"batches {batches[0]} to {batches[-1]}",
        content={"from_to": runs, **why},
    )


def deleted_batches(records: Iterable[AuditRecord]) -> list[range]:
    """Of the records of the chain ``retention``, the batches that it deleted or was about to delete."""
    return [
        range(int(first), int(last) + 1)
        for record in records
        if record.kind == _DELETED
        for first, last in record.content["from_to"]
    ]


def sealed_files(batch: int) -> tuple[str, str, str]:
    """Paths of what a seal covers."""
    return accepted_file(batch), labels_file(batch), scored_file(batch)


def manifest_file(version: str) -> str:
    """Path of a model's manifest."""
    return f"{MODELS}/versions/{version}/manifest.json"


@lru_cache(maxsize=1)
def _code() -> dict[str, Any]:
    """What computes the decisions, of this process."""
    libraries = {**library_versions(), "pyarrow": pa.__version__, "python": platform.python_version()}
    return {"features_sha256": features_hash(FEATURE_NAMES), "libraries": libraries}


def _named_by_rows(lake: Lake, scored: bytes) -> dict[str, Any]:
    """Models and rule sets that decided on the rows of a scored file."""
    table = pq.ParquetFile(pa.BufferReader(scored)).read(["model_version", "ruleset_version"])
    models, rulesets = (sorted(column.unique().drop_null().to_pylist()) for column in table.columns)
    return {
        "rows": table.num_rows,
        "models": {version: _manifest_hash(lake, version) for version in models if version},
        "rulesets": rulesets,
    }


def _manifest_hash(lake: Lake, version: str) -> str | None:
    try:
        return lake.sha256(manifest_file(version))
    except FileNotFoundError:
        return None  # a model that is kept elsewhere
