"""The life of a challenger, kept in the lake: one document a model version, with every step and who took it.

::

    REFUSED                         not good enough on history, or by the first look
    SHADOW ─▶ WAITING ─▶ SHARE ─▶ CHAMPION ─▶ FORMER ─▶ ENDED
       │         │         │         │                    ▲
       └─────────┴─────────┴─▶ REJECTED     DEMOTED ◀─────┘ (a former champion took its place again)

A model in one of the phases of ``SCORED`` scores live transactions in the shadow: recorded, never acted on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from include.stores.lake.files import Lake

FOLDER = "challengers"


class Phase(StrEnum):
    """Where a model stands."""

    REFUSED = "refused"
    SHADOW = "shadow"
    WAITING = "waiting for approval"
    SHARE = "share of the accounts"
    CHAMPION = "champion"
    FORMER = "former champion"
    REJECTED = "rejected"
    DEMOTED = "demoted"
    ENDED = "ended"


#: Phases in which a model scores in the shadow.
SCORED = frozenset({Phase.SHADOW, Phase.WAITING, Phase.SHARE, Phase.FORMER})


class Step(BaseModel):
    """One step of the way."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    phase: Phase
    at: datetime
    by: str  # a person, or the part of the system that decided
    reason: str
    evidence: dict[str, Any] = {}


class Challenger(BaseModel):
    """A model on its way."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    trained_for: str  # why: drift, the calendar, somebody
    evaluation: dict[str, Any]  # on the newest labelled days before it was trained
    since_batch: int  # first batch it scores in the shadow in this phase
    steps: tuple[Step, ...]

    @property
    def phase(self) -> Phase:
        """Where it stands."""
        return self.steps[-1].phase

    @property
    def since(self) -> datetime:
        """When it came there."""
        return self.steps[-1].at


class ChallengerBook:
    """All of them. There is one writer at a time (Airflow's pool ``govern``)."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def all(self) -> list[Challenger]:
        """By version, oldest first."""
        names = [name for name in self._lake.names(FOLDER) if name.endswith(".json")]
        found = (self.get(name.removesuffix(".json")) for name in names)
        return [one for one in found if one is not None]

    def within(self, *phases: Phase) -> list[Challenger]:
        """Those that stand in one of the phases, oldest first."""
        return [one for one in self.all() if one.phase in phases]

    def get(self, version: str) -> Challenger | None:
        """One of them."""
        document = self._lake.read_json(f"{FOLDER}/{version}.json")
        return None if document is None else Challenger.model_validate(document)

    def enter(
        self,
        version: str,
        phase: Phase,
        *,
        by: str,
        reason: str,
        trained_for: str = "",
        evaluation: dict[str, Any] | None = None,
        evidence: dict[str, Any] | None = None,
        since_batch: int | None = None,
    ) -> Challenger:
        """Take a step; the first one makes the document. Idempotent: the phase it stands in is not entered again.

        Parameters
        ----------
        since_batch
            From where comparisons count; None: as before.
        """
        before = self.get(version)
        if before is not None and before.phase is phase:
            return before
        step = Step(phase=phase, at=datetime.now(UTC), by=by, reason=reason, evidence=evidence or {})
        after = Challenger(
            version=version,
            trained_for=before.trained_for if before else trained_for,
            evaluation=before.evaluation if before else evaluation or {},
            since_batch=since_batch if since_batch is not None else before.since_batch if before else 0,
            steps=(*(before.steps if before else ()), step),
        )
        self._lake.write_json(f"{FOLDER}/{version}.json", after.model_dump(mode="json"))
        return after
