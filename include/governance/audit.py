"""Chains of numbered records in the lake, each with the SHA-256 of the one before it.

::

    audit/<chain>/<number>.json     a record: canonical JSON, never changed once written
    audit/<chain>/head.json         number and hash of the last one
    audit/<chain>/keys/<key>.json   the newest record of a key, so that no append has to search

A change of a record is found by the record's own hash, an exchange of it by the next record or the head,
a missing one by its number, a cut end by the head. What a chain inside one store cannot prove: whoever can
write every file of the lake can write the whole chain anew, head included. So the head's hash also goes
where that person may not reach: into the log of every append, onto the console of ``make verify-audit``,
and, by the load of each batch, into Cassandra. ``verify`` takes such witnesses, and then two stores would
have to be changed alike.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from include.governance.audit_errors import AuditBroken, AuditCollision, AuditError
from include.governance.audit_record import AuditProblem, AuditRecord, Head, canonical, plain
from include.governance.chain_check import examine
from include.stores.lake.files import Lake

__all__ = [
    "ACTIONS", "AuditBroken", "AuditChain", "AuditCollision", "AuditError", "AuditProblem", "AuditRecord",
    "Head", "chains", "record_action",
]  # fmt: skip

log = logging.getLogger(__name__)

#: Folder of the chains.
AUDIT = "audit"
#: Chain of what people and jobs did: approvals, promotions, changes of rules and lists.
ACTIONS = "actions"

_DIGITS = 10
_LONGEST_NAME = 120


class AuditChain:
    """One chain of a lake.

    One writer at a time, which a pool of one slot sees to; a second one is noticed where the lake can create
    a file exclusively, and never overwrites a record.

    Parameters
    ----------
    name
        Names the folder, and stands in every record.
    pointer
        Path of the file that leads from a key to its newest record; by default among the chain's own files.
    """

    def __init__(self, lake: Lake, name: str, pointer: Callable[[str], str] | None = None) -> None:
        self._lake = lake
        self.name = name
        self._folder = f"{AUDIT}/{name}"
        self._pointer = pointer or (lambda key: f"{self._folder}/keys/{_file_name(key)}.json")

    def path(self, number: int) -> str:
        """Path of a record."""
        return f"{self._folder}/{number:0{_DIGITS}d}.json"

    @property
    def head_path(self) -> str:
        """Path of the head."""
        return f"{self._folder}/head.json"

    def append(
        self,
        *,
        key: str,
        kind: str,
        actor: str,
        subject: str,
        content: Mapping[str, Any],
        time: datetime | None = None,
    ) -> AuditRecord:
        """Record a deed, and return its record.

        Idempotent by ``key``: if the newest record of the key says the same (kind, actor, subject, content), it
        is returned and nothing is written; if it says something else, a record is appended that names it.
        Record, key and head are written in this order, so an append that was killed on the way is brought to
        its end by the next.

        Raises
        ------
        AuditCollision
            Another writer was faster; nothing was written.
        AuditBroken
            There is no end to append to.
        """
        end = self._end()
        try:
            before = self.newest(key)
        except AuditBroken as error:
            # Verification tells the same; that the deed is recorded a second time does no harm.
            log.error("audit: %s", error)
            before = None
        content = plain(content)
        if before is not None and _said(before) == (kind, actor, subject, content):
            return before
        record = AuditRecord.of(
            chain=self.name,
            number=end.number + 1,
            previous=end.sha256,
            kind=kind,
            time=plain(time or datetime.now(UTC)),
            actor=actor,
            subject=subject,
            key=key,
            earlier=before.number if before else None,
            content=content,
        )
        try:
            self._lake.create_bytes(self.path(record.number), record.content_of_file())
        except FileExistsError as error:
            raise AuditCollision(
                f"expected to be the only writer of chain {self.name!r}, got record {record.number} of "
                "another in the same moment; give the pool of its tasks one slot, then do this again"
            ) from error
        self._finish(record)
        log.info("audit: chain %s, record %s, SHA-256 %s", self.name, record.number, record.sha256)
        return record

    def head(self) -> Head:
        """The last record's place as the head file has it; ``Head()`` for a chain without records.

        Raises
        ------
        AuditBroken
            There are records and no head, or the head is not one.
        """
        path = self.head_path
        try:
            content = self._lake.read_bytes(path)
        except FileNotFoundError:
            numbers = self.numbers()
            if numbers not in ([], [1]):  # the first append may have been killed before it wrote the head
                raise AuditBroken(
                    f"expected {path} beside {len(numbers)} records, got none: somebody removed it; put it "
                    f"back from a backup or from the newest witness in Cassandra, then run verify-audit"
                ) from None
            return Head()
        try:
            return Head.read(content)
        except ValueError as error:
            raise AuditBroken(
                f"expected number and sha256 in {path}, got {content[:80]!r}: somebody changed it; put it "
                "back from a backup or from the newest witness in Cassandra, then run verify-audit"
            ) from error

    def record(self, number: int) -> AuditRecord:
        """One record.

        Raises
        ------
        AuditBroken
            It is missing, or is not what was written.
        """
        found = self.read(number)
        if isinstance(found, AuditProblem):
            raise AuditBroken(f"{found}; run verify-audit")
        return found

    def records(self) -> Iterator[AuditRecord]:
        """All records, in order.

        Raises
        ------
        AuditBroken
            At the first that is not what was written.
        """
        return (self.record(number) for number in self.numbers())

    def newest(self, key: str) -> AuditRecord | None:
        """The newest record of a key; None if there is none.

        Raises
        ------
        AuditBroken
            The key leads to a record of another, or to none.
        """
        try:
            document = self._lake.read_json(self._pointer(key))
            number = None if document is None else int(document["number"])
        except (ValueError, KeyError, TypeError) as error:
            raise AuditBroken(
                f"expected the number of a record in {self._pointer(key)}, got something else ({error}): "
                "somebody changed it; run verify-audit"
            ) from error
        if number is None:
            return None
        record = self.record(number)
        if record.key != key:
            raise AuditBroken(
                f"expected {self._pointer(key)} to lead to a record of {key!r}, got record {record.number} "
                f"of {record.key!r}: somebody changed it; run verify-audit"
            )
        return record

    def confirmed(self, record: AuditRecord) -> bool:
        """Whether the record after this one, or the head, has this one's hash."""
        try:
            if self._lake.exists(self.path(record.number + 1)):
                return self.record(record.number + 1).previous == record.sha256
            return self.head() == record.place
        except AuditBroken:
            return False

    def numbers(self) -> list[int]:
        """Numbers of the records whose files are there, in order."""
        names = [name.removesuffix(".json") for name in self._lake.names(self._folder)]
        return [int(name) for name in names if len(name) >= _DIGITS and name.isdigit()]

    def read(self, number: int) -> AuditRecord | AuditProblem:
        """A record, or what is wrong with its file."""
        path = self.path(number)
        try:
            content = self._lake.read_bytes(path)
        except FileNotFoundError:
            return AuditProblem(path, f"expected record {number}, got no such file: it was removed")
        try:
            record = AuditRecord.read(content)
        except ValueError as error:
            return AuditProblem(path, f"expected a record as it was written, got a changed one ({error})")
        if (record.chain, record.number) != (self.name, number):
            return AuditProblem(
                path,
                f"expected record {number} of chain {self.name!r}, got record {record.number} of "
                f"{record.chain!r}: it was exchanged",
            )
        return record

    def verify(self, witnesses: Iterable[Head] = ()) -> list[AuditProblem]:
        """Everything that is wrong with the chain; an empty list if nothing is.

        Parameters
        ----------
        witnesses
            Places of records as another store has them.
        """
        return examine(self, witnesses)[1]

    def _end(self) -> Head:
        """Where to append, after bringing killed appends to their end."""
        end = self.head()
        last = self.read(end.number) if end.number else None
        if isinstance(last, AuditProblem):
            # Scoring must not stop for it: the next record has the head's hash, so this stays provable.
            log.error("audit: %s; run verify-audit", last)
        elif last is not None and last.place != end:
            log.error("audit: %s is not the record the head names; run verify-audit", self.path(end.number))
        while self._lake.exists(self.path(end.number + 1)):
            record = self.record(end.number + 1)
            if record.previous != end.sha256:
                raise AuditBroken(
                    f"expected {self.path(record.number)} to follow the head, got a record that follows "
                    f"{record.previous[:12]}…; run verify-audit, and find out who wrote it"
                )
            self._finish(record)
            end = record.place
        return end

    def _finish(self, record: AuditRecord) -> None:
        self._lake.write_bytes(self._pointer(record.key), canonical({"number": record.number}))
        self._lake.write_bytes(self.head_path, record.place.content_of_file())


def record_action(
    lake: Lake,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any],
    *,
    key: str | None = None,
    time: datetime | None = None,
) -> AuditRecord:
    """Record what somebody did to rules, lists, models or cases, in chain ``actions``.

    Idempotent by ``key``, see ``AuditChain.append``; by default the subject, so that a task that runs again
    records nothing, while the same action after another one about the same subject is recorded again, as in
    model a, model b, model a. An action that may follow itself needs a key that tells the times apart.

    Parameters
    ----------
    actor
        Who: a user's name, or the task that did it.
    action
        What, in a few words: ``rule approved``.
    subject
        To what: ``rule velocity_burst``.
    """
    return AuditChain(lake, ACTIONS).append(
        key=key or subject,
        kind=action,
        actor=actor,
        subject=subject,
        content=detail,
        time=time,
    )


def chains(lake: Lake) -> list[str]:
    """Names of the chains there are, sorted."""
    return lake.names(AUDIT)


def _said(record: AuditRecord) -> tuple[str, str, str, Mapping[str, Any]]:
    return record.kind, record.actor, record.subject, record.content


def _file_name(key: str) -> str:
    """A name any file system takes, readable where that can be."""
    name = quote(key, safe="=")
    return name if len(name) <= _LONGEST_NAME else hashlib.sha256(key.encode()).hexdigest()
