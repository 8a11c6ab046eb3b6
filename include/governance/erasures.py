"""What erasure requests changed of the files that seals cover, so that the audit can tell it from tampering.

Before a request rewrites the files of a batch it appends to the chain ``erasures``, for each of them, the SHA-256 the
file has and the one it is about to have. A sealed file with another hash is as it should be if, and only if, such
records lead from the sealed hash to it and the request was approved by a person, which stands in the chain
``actions``. A request that was killed between record and file leaves the old file, which its seal still covers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from include.governance.audit import ACTIONS, AuditChain, AuditProblem, AuditRecord
from include.stores.lake.files import Lake

#: Chain of what erasure requests rewrote.
ERASURES = "erasures"
#: Kind of the record in the chain ``actions`` that lets a request rewrite files; its subject is the request.
APPROVED = "erasure approved"

_REWRITTEN = "files rewritten"


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A file of the lake before and after.

    Attributes
    ----------
    rows
        Rows that were changed in it.
    """

    path: str
    old: str  # SHA-256, hexadecimal
    new: str
    rows: int


def record_rewrites(lake: Lake, request: str, batch: int, rewrites: Iterable[Rewrite]) -> AuditRecord:
    """Record that files of a batch are about to be rewritten; to be called before they are.

    Idempotent: the same again changes nothing. After a kill between two files of a batch the rest is recorded anew.
    """
    files = {one.path: {"old": one.old, "new": one.new, "rows": one.rows} for one in rewrites}
    return AuditChain(lake, ERASURES).append(
        key=f"{request}:{batch}",
        kind=_REWRITTEN,
        actor="erase_customer",
        subject=request,
        content={"batch": batch, "files": files},
    )


@dataclass(frozen=True, slots=True)
class Erasure:
    """By which request, and when, a file got to have a hash."""

    request: str
    date: str

    def __str__(self) -> str:
        return f"erased by request {self.request} on {self.date}"


class Erasures:
    """What the chain ``erasures`` explains."""

    def __init__(self, records: Iterable[AuditRecord]) -> None:
        self._by_path: dict[str, list[tuple[str, str, Erasure]]] = {}
        self._records: list[AuditRecord] = []
        for record in records:
            if record.kind != _REWRITTEN:
                continue
            self._records.append(record)
            by = Erasure(record.subject, record.time[:10])
            for path, change in record.content["files"].items():
                self._by_path.setdefault(path, []).append((str(change["old"]), str(change["new"]), by))

    @classmethod
    def of(cls, lake: Lake) -> Erasures:
        """Of a lake's chain, as far as its records are sound."""
        chain = AuditChain(lake, ERASURES)
        found = map(chain.read, chain.numbers())
        return cls(one for one in found if isinstance(one, AuditRecord))

    def explain(self, path: str, sealed: str, found: str) -> Erasure | None:
        """The request that made a file with the hash ``sealed`` one with ``found``; None if none did."""
        by: dict[str, Erasure | None] = {sealed: None}
        for old, new, erasure in self._by_path.get(path, ()):
            if old in by:
                by.setdefault(new, erasure)
        return by.get(found)

    def without_approval(self, actions: Iterable[AuditRecord]) -> list[AuditProblem]:
        """Records of requests that nobody approved."""
        approved = {record.subject for record in actions if record.kind == APPROVED}
        return [
            AuditProblem(
                f"audit/{ERASURES}, record {record.number}",
                f"expected an approval of request {record.subject} in the chain {ACTIONS!r}, got none: somebody wrote "
                "this record to hide a change",
            )
            for record in self._records
            if record.subject not in approved
        ]

    def requests(self) -> Mapping[str, Any]:
        """Number of files by request."""
        counts: dict[str, int] = {}
        for changes in self._by_path.values():
            for _, _, by in changes:
                counts[by.request] = counts.get(by.request, 0) + 1
        return counts
