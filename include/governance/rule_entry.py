"""The records of the rule book: a rule in a set, a set, an activation of a set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from include.governance.errors import ChangeRefused


class Stage(StrEnum):
    """What a rule in a set is for."""

    LIVE = "LIVE"  # its hits decide
    SHADOW = "SHADOW"  # its hits are counted only


class RuleEntry(BaseModel):
    """A rule in a set.

    Attributes
    ----------
    text
        The whole rule file, header included.
    share
        Of the accounts it is in force for, above 0 and at most 1.
    author, approved_by
        Who wrote it and who let it in; the names do not count for the set's version.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule_id: str = Field(min_length=1)
    text: str = Field(min_length=1)
    stage: Stage = Stage.LIVE
    share: float = Field(1.0, gt=0, le=1)
    author: str = Field(min_length=1)
    approved_by: str = ""


class RuleSetDocument(BaseModel):
    """A set of rules as the lake has it, at ``rules/sets/<version>.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    entries: tuple[RuleEntry, ...] = Field(min_length=1)

    @classmethod
    def of(cls, entries: Iterable[RuleEntry]) -> Self:
        """The set of some entries, in order of their ids.

        Raises
        ------
        ChangeRefused
            There are none, none is live, or a rule stands twice in a stage.
        """
        ordered = tuple(sorted(entries, key=lambda entry: (entry.rule_id, entry.stage)))
        places = [(entry.rule_id, entry.stage) for entry in ordered]
        twice = {f"{rule_id} ({stage})" for rule_id, stage in places if places.count((rule_id, stage)) > 1}
        if twice:
            raise ChangeRefused(
                f"expected every rule once in a stage, got {', '.join(sorted(twice))} twice; leave one out"
            )
        if not any(entry.stage is Stage.LIVE for entry in ordered):
            raise ChangeRefused(
                "expected at least one live rule, got none, which would switch the rules off; "
                "put another rule in force before the last one is retired"
            )
        return cls(version=version_of(ordered), entries=ordered)

    @model_validator(mode="after")
    def _is_what_it_says(self) -> Self:
        if (wanted := version_of(self.entries)) != self.version:
            raise ValueError(f"expected contents of the version {self.version}, got those of {wanted}")
        return self


def version_of(entries: Sequence[RuleEntry]) -> str:
    """Twelve hexadecimal digits over texts, stages and shares, whatever their order."""
    contents = sorted([entry.rule_id, entry.text, str(entry.stage), float(entry.share)] for entry in entries)
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()[:12]


def put(entries: Iterable[RuleEntry], entry: RuleEntry) -> tuple[RuleEntry, ...]:
    """Entries with one put in the place of the one of the same rule and stage, or added."""
    return (*take_out(entries, entry.rule_id, entry.stage), entry)


def take_out(entries: Iterable[RuleEntry], rule_id: str, stage: Stage) -> tuple[RuleEntry, ...]:
    """Entries without a rule in a stage."""
    return tuple(entry for entry in entries if (entry.rule_id, entry.stage) != (rule_id, stage))


class Activation(BaseModel):
    """One move to a set, at ``rules/activations/<number>.json``; the last one counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    document_sha256: str  # of the set's file
    by: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    approved_by: str = ""
    at: AwareDatetime
