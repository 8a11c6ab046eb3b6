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

::

    AuditError
    ├── AuditCollision     two writers at the same chain; nothing was overwritten
    └── AuditBroken        the chain's end is not one that a record can follow
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from include.governance.audit_record import NOTHING, AuditProblem, AuditRecord, Head, canonical, plain
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
_HEAD = "head.json"
_LONGEST_NAME = 120


class AuditError(Exception):
    """Anything the chains raise."""


class AuditCollision(AuditError):
    """Another writer appended to the chain in the same moment."""


class AuditBroken(AuditError):
    """The chain was changed in a way that leaves no end to append to, or a record that is asked for."""


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
        before = self.newest(key)
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
        path = f"{self._folder}/{_HEAD}"
        try:
            content = self._lake.read_bytes(path)
        except FileNotFoundError:
            if numbers := self._numbers():
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
        found = self._read(number)
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
        return (self.record(number) for number in self._numbers())

    def newest(self, key: str) -> AuditRecord | None:
        """The newest record of a key; None if there is none.

        Raises
        ------
        AuditBroken
            The key leads to a record of another, or to none.
        """
        document = self._lake.read_json(self._pointer(key))
        if document is None:
            return None
        record = self.record(int(document["number"]))
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

    def verify(self, witnesses: Iterable[Head] = ()) -> list[AuditProblem]:
        """Everything that is wrong with the chain; an empty list if nothing is. See ``examine``."""
        return self.examine(witnesses)[1]

    def examine(self, witnesses: Iterable[Head] = ()) -> tuple[list[AuditRecord], list[AuditProblem]]:
        """Every record that is sound by itself, in order, and everything that is wrong with the chain.

        One record after the head is an append that is under way or was killed, and no problem.

        Parameters
        ----------
        witnesses
            Places of records as another store has them.
        """
        problems: list[AuditProblem] = []
        records: list[AuditRecord] = []
        known = {0: NOTHING}
        last = 0
        for number in self._numbers():
            problems += [
                AuditProblem(self.path(lost), f"expected record {lost}, got no such file: it was removed")
                for lost in range(last + 1, number)
            ]
            last = number
            found = self._read(number)
            if isinstance(found, AuditProblem):
                problems.append(found)
                continue
            records.append(found)
            known[number] = found.sha256
            if (before := known.get(number - 1)) is not None and before != found.previous:
                problems.append(
                    AuditProblem(
                        self.path(number),
                        f"expected to follow a record with SHA-256 {before[:12]}…, got one that follows "
                        f"{found.previous[:12]}…: this record or the one before was exchanged",
                    )
                )
        problems += self._verify_head(known, last)
        problems += [
            AuditProblem(
                self.path(witness.number),
                f"expected SHA-256 {witness.sha256[:12]}… as the second store has it, got "
                f"{known[witness.number][:12] + '…' if witness.number in known else 'no sound record'}: "
                "the chain was cut or written anew",
            )
            for witness in witnesses
            if known.get(witness.number) != witness.sha256
        ]
        return records, problems

    def _verify_head(self, known: Mapping[int, str], last: int) -> Iterator[AuditProblem]:
        path = f"{self._folder}/{_HEAD}"
        try:
            head = self.head()
        except AuditBroken as error:
            yield AuditProblem(path, str(error))
            return
        if head.number > last:
            yield AuditProblem(
                path, f"expected records up to {head.number}, got the last with {last}: cut off"
            )
        elif head.number < last - 1:
            yield AuditProblem(path, f"expected to name record {last}, got {head.number}: it was set back")
        elif head.number in known and known[head.number] != head.sha256:
            yield AuditProblem(
                path,
                f"expected SHA-256 {known[head.number][:12]}… of record {head.number}, got "
                f"{head.sha256[:12]}…: the record or the head was exchanged",
            )

    def _end(self) -> Head:
        """Where to append, after bringing killed appends to their end."""
        end = self.head()
        last = self._read(end.number) if end.number else None
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
        self._lake.write_bytes(f"{self._folder}/{_HEAD}", record.place.content_of_file())

    def _numbers(self) -> list[int]:
        names = [name.removesuffix(".json") for name in self._lake.names(self._folder)]
        return [int(name) for name in names if len(name) >= _DIGITS and name.isdigit()]

    def _read(self, number: int) -> AuditRecord | AuditProblem:
        """A record, or what is wrong with it by itself."""
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
