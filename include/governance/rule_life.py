"""The life of a rule: draft → back-test → shadow → approval by another → live → retired.

Each step is a file ``rules/life/<rule_id>/<number>.json`` that never changes, with who took it and when. A *change*
(an Airflow run) carries one draft through the steps; a newer draft of the same rule overtakes it. To retire a rule
is a change too: it is back-tested and approved, but has no shadow.

A step taken twice by one change is one step, so a repeated task does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from include.governance.errors import ChangeRefused
from include.governance.shares import check_share
from include.rules.header import RULE_ID
from include.stores.lake.files import Lake

FOLDER = "rules/life"


class Step(StrEnum):
    """Where a change of a rule stands."""

    DRAFT = "DRAFT"
    BACKTESTED = "BACKTESTED"
    SHADOW = "SHADOW"
    APPROVED = "APPROVED"
    LIVE = "LIVE"
    RETIRED = "RETIRED"
    REJECTED = "REJECTED"


class ChangeKind(StrEnum):
    """What a change wants."""

    CHANGE = "change"  # a new rule, other words, another share
    RETIRE = "retire"


_WAYS = {
    ChangeKind.CHANGE: (Step.DRAFT, Step.BACKTESTED, Step.SHADOW, Step.APPROVED, Step.LIVE),
    ChangeKind.RETIRE: (Step.DRAFT, Step.BACKTESTED, Step.APPROVED, Step.RETIRED),
}


class LifeStep(BaseModel):
    """One step of a change.

    Attributes
    ----------
    change
        Id of the change, e.g. of the run.
    text, share, author
        The draft that is carried; the same in every step of a change.
    detail
        What the step rests on, e.g. the figures of the back-test.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule_id: str
    change: str = Field(min_length=1)
    kind: ChangeKind
    step: Step
    text: str
    share: float = Field(gt=0, le=1)
    author: str = Field(min_length=1)
    by: str = Field(min_length=1)
    at: AwareDatetime
    detail: dict[str, Any] = {}


class RuleLife:
    """The steps of one rule.

    Raises
    ------
    ChangeRefused
        The id is none: it would be a path to somewhere else.
    """

    def __init__(self, lake: Lake, rule_id: str) -> None:
        if not RULE_ID.fullmatch(rule_id):
            raise ChangeRefused(
                f"expected the id of a rule (lower case letters, digits and _), got {rule_id[:80]!r}; correct the "
                "line `-- id:` of the draft, or name a live rule"
            )
        self._lake = lake
        self.rule_id = rule_id
        self._folder = f"{FOLDER}/{rule_id}"

    def steps(self) -> tuple[LifeStep, ...]:
        """Every step, oldest first."""
        names = [n for n in self._lake.names(self._folder) if n.endswith(".json") and n[:-5].isdigit()]
        return tuple(
            LifeStep.model_validate_json(self._lake.read_bytes(f"{self._folder}/{name}")) for name in names
        )

    def of(self, change: str) -> tuple[LifeStep, ...]:
        """The steps of one change, oldest first."""
        return tuple(step for step in self.steps() if step.change == change)

    def draft(
        self,
        change: str,
        author: str,
        text: str,
        share: float = 1.0,
        kind: ChangeKind = ChangeKind.CHANGE,
        detail: Mapping[str, Any] | None = None,
    ) -> LifeStep:
        """Begin a change. One that is under way is overtaken."""
        if done := self._taken(change, Step.DRAFT):
            return done
        if not author.strip():
            raise ChangeRefused(
                "expected the author of the draft, got none; trigger the run as a user, or name the author"
            )
        step = LifeStep(
            rule_id=self.rule_id,
            change=change,
            kind=kind,
            step=Step.DRAFT,
            text=text,
            share=check_share(share),
            author=author,
            by=author,
            at=datetime.now(UTC),
            detail=dict(detail or {}),
        )
        return self._append(step)

    def backtested(self, change: str, by: str, detail: Mapping[str, Any]) -> LifeStep:
        """Record a back-test, with its figures."""
        return self._advance(change, Step.BACKTESTED, by, detail)

    def shadow(self, change: str, by: str, detail: Mapping[str, Any]) -> LifeStep:
        """Record that its hits are counted from now on."""
        return self._advance(change, Step.SHADOW, by, detail)

    def approve(self, change: str, by: str, detail: Mapping[str, Any] | None = None) -> LifeStep:
        """Record the approval of somebody who is not the author.

        Raises
        ------
        ChangeRefused
            It is the author, or nobody, or a step is missing.
        """
        self.check_approver(change, by)
        return self._advance(change, Step.APPROVED, by, detail or {})

    def live(self, change: str, by: str, detail: Mapping[str, Any]) -> LifeStep:
        """Record that it is in force."""
        return self._advance(change, Step.LIVE, by, detail)

    def retired(self, change: str, by: str, detail: Mapping[str, Any]) -> LifeStep:
        """Record that it is out of force."""
        return self._advance(change, Step.RETIRED, by, detail)

    def reject(self, change: str, by: str, detail: Mapping[str, Any] | None = None) -> LifeStep:
        """End a change that was not approved."""
        if done := self._taken(change, Step.REJECTED):
            return done
        now = self._now(change)
        if now.step in (Step.LIVE, Step.RETIRED):
            raise ChangeRefused(
                f"expected a change of {self.rule_id} that is under way, got {now.step}; "
                "to take a live rule out, retire it"
            )
        return self._append(_next(now, Step.REJECTED, by, detail or {}))

    def check_approver(self, change: str, by: str) -> None:
        """Refuse an approval by nobody or by the author.

        Raises
        ------
        ChangeRefused
            It is one of the two.
        """
        author = self._now(change).author
        if not by.strip():
            raise ChangeRefused(
                f"expected somebody to approve the change of {self.rule_id}, got nobody (the time to answer is "
                "over); trigger the change again"
            )
        if by.strip().casefold() == author.strip().casefold():
            raise ChangeRefused(
                f"expected the change of {self.rule_id} to be approved by somebody other than its author, got "
                f"{by}, who is the author; have somebody else answer: clear the approval and answer again"
            )

    def _taken(self, change: str, wanted: Step) -> LifeStep | None:
        return next((step for step in self.of(change) if step.step is wanted), None)

    def _now(self, change: str) -> LifeStep:
        """Where a change stands; refused if it never began or was overtaken."""
        steps = self.steps()
        mine = [step for step in steps if step.change == change]
        if not mine:
            raise ChangeRefused(
                f"expected a draft of {self.rule_id} in the change {change}, found none; check the draft first"
            )
        if steps[-1].change != change:
            raise ChangeRefused(
                f"expected {change} to be the newest change of {self.rule_id}, but {steps[-1].change} by "
                f"{steps[-1].author} has overtaken it; go on with that one, or begin again"
            )
        return mine[-1]

    def _advance(self, change: str, wanted: Step, by: str, detail: Mapping[str, Any]) -> LifeStep:
        if done := self._taken(change, wanted):
            return done
        now = self._now(change)
        way = _WAYS[now.kind]
        before = way[way.index(wanted) - 1] if wanted in way else None
        if before is None or now.step is not before:
            raise ChangeRefused(
                f"expected the change of {self.rule_id} to be at {before or 'no step, for it is to be retired'} "
                f"before {wanted}, it is at {now.step}; the steps to {now.kind} a rule are "
                f"{' → '.join(way)}, and none can be left out"
            )
        return self._append(_next(now, wanted, by, detail))

    def _append(self, step: LifeStep) -> LifeStep:
        numbers = [int(name[:-5]) for name in self._lake.names(self._folder) if name[:-5].isdigit()]
        path = f"{self._folder}/{max(numbers, default=0) + 1:06d}.json"
        self._lake.write_bytes(path, step.model_dump_json(indent=1).encode())
        return step


def _next(now: LifeStep, step: Step, by: str, detail: Mapping[str, Any]) -> LifeStep:
    return now.model_copy(update={"step": step, "by": by, "at": datetime.now(UTC), "detail": dict(detail)})
