"""What a record of an audit chain is, and the one way it is written down."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Self

#: Stands where the hash of a record before the first would.
NOTHING = "0" * 64


@dataclass(frozen=True, slots=True)
class AuditProblem:
    """Something that verification found.

    Attributes
    ----------
    where
        Path of the record or file in the lake, or table and row.
    what
        What was expected there, and what came.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Head:
    """A place in a chain: number and hash of a record; number 0 is the place before the first."""

    number: int = 0
    sha256: str = NOTHING

    def content_of_file(self) -> bytes:
        """As the lake has it."""
        return canonical({"number": self.number, "sha256": self.sha256})

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Back from ``content_of_file``; ValueError if it is not that."""
        document = json.loads(content)
        try:
            head = cls(int(document["number"]), str(document["sha256"]))
        except (KeyError, TypeError) as error:
            raise ValueError(str(error)) from error
        if head.content_of_file() != content:
            raise ValueError("not as a head is written")
        return head


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One record.

    Attributes
    ----------
    previous
        Hash of the record before; ``NOTHING`` for the first.
    time
        When it was appended, UTC, ISO 8601.
    key
        Names the deed it is about: the same deed with the same outcome is recorded once.
    earlier
        Number of the record of the same key before this one; None for the first of a key.
    content
        Plain JSON. Numbers that are not whole are texts, see ``plain``.
    sha256
        Of everything else in the record, in canonical JSON.
    """

    chain: str
    number: int
    previous: str
    kind: str
    time: str
    actor: str
    subject: str
    key: str
    earlier: int | None
    content: Mapping[str, Any]
    sha256: str

    @property
    def place(self) -> Head:
        """Number and hash."""
        return Head(self.number, self.sha256)

    @classmethod
    def of(cls, **said: Any) -> Self:
        """A record with the hash of what it says."""
        return cls(**said, sha256=hashlib.sha256(canonical(said)).hexdigest())

    def content_of_file(self) -> bytes:
        """As the lake has it."""
        return canonical({name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Back from ``content_of_file``.

        Raises
        ------
        ValueError
            It is not the one way to write down a record with the hash it names.
        """
        document = json.loads(content)
        if not isinstance(document, dict):
            raise ValueError("no object")
        try:
            record = cls.of(**{name: value for name, value in document.items() if name != "sha256"})
        except TypeError as error:
            raise ValueError(str(error)) from error
        if record.content_of_file() != content:
            raise ValueError("its content does not have the SHA-256 it names")
        return record


def plain(value: Any) -> Any:
    """A value as JSON has it, in one way only.

    Times become ISO 8601 in UTC. Numbers that are not whole become texts, decimals as they are written and
    floats in the shortest form that gives the same float back: what a reader of JSON would make of them is
    up to the reader.

    Raises
    ------
    TypeError
        For anything that is no JSON, time or number.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Mapping):
        return {_name(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    raise TypeError(
        f"expected JSON, a number or a time with a zone for the audit, got {type(value).__name__} "
        f"({value!r}); turn it into text where it is made"
    )


def canonical(document: Any) -> bytes:
    """The one way to write a document down: ``plain`` values, sorted names, no spaces, ASCII."""
    text = json.dumps(plain(document), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"expected texts as names in the audit, got {name!r}; turn it into text")
    return str(name)
