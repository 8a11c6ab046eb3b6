"""What people do to cases: one alert or many, each with the version its case was seen in."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from include.cases.actions import LONGEST_COMMENT, possible
from include.cases.case import Action, Case, Deed, Status
from include.cases.errors import CaseChanged, CasesError, NoSuchAlert
from plugins.fraud_desk.access import Analyst, Person
from plugins.fraud_desk.bank import StoresDep
from plugins.fraud_desk.colleagues import ColleaguesDep, check_assignee

router = APIRouter()

#: What a person may do; the rest is done by deadlines and customers.
Choice = Literal["assign", "release", "comment", "confirm_fraud", "dismiss", "snooze", "escalate", "reopen"]
MOST_AT_ONCE = 200
_LONGEST_NAME = 100


class What(BaseModel):
    """What is to be done.

    Attributes
    ----------
    assignee
        Of ``assign``; whoever asks if it is left out.
    snooze_minutes
        Of ``snooze``: when the case comes back, from now.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Choice
    comment: str = Field("", max_length=LONGEST_COMMENT)
    assignee: str | None = Field(None, min_length=1, max_length=_LONGEST_NAME)
    snooze_minutes: int | None = Field(None, gt=0, le=30 * 24 * 60)

    def deed(self, person: Person, now: datetime) -> Deed:
        """The deed of a person."""
        action = Action(self.action)
        return Deed(
            action=action,
            actor=person.name,
            at=now,
            comment=self.comment.strip(),
            assignee=(self.assignee or person.name).strip() if action is Action.ASSIGN else None,
            until=now + timedelta(minutes=self.snooze_minutes)
            if action is Action.SNOOZE and self.snooze_minutes
            else None,
        )


class OneAlert(What):
    """To one alert."""

    version: int = Field(ge=0)


class Seen(BaseModel):
    """An alert, and the version of its case that the person has seen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    alert_id: uuid.UUID
    version: int = Field(ge=0)


class ManyAlerts(What):
    """To several alerts at once."""

    alerts: list[Seen] = Field(min_length=1, max_length=MOST_AT_ONCE)


class CaseState(BaseModel):
    """A case as it stands, and what may be done to it."""

    alert_id: uuid.UUID
    version: int
    status: Status
    assignee: str | None
    possible: list[Action]

    @classmethod
    def of(cls, case: Case) -> CaseState:
        """State of a case."""
        return cls(
            alert_id=case.alert_id,
            version=case.version,
            status=case.status,
            assignee=case.assignee,
            possible=list(possible(case)),
        )


class Outcome(BaseModel):
    """What became of one alert of many: its case, or why nothing was changed."""

    alert_id: uuid.UUID
    case: CaseState | None = None
    error: str | None = None
    code: str | None = None


class Outcomes(BaseModel):
    """What became of each."""

    done: int
    failed: int
    outcomes: list[Outcome]


@router.post("/api/alerts/{alert_id}/act")
def act(
    alert_id: uuid.UUID, what: OneAlert, stores: StoresDep, person: Analyst, known: ColleaguesDep
) -> CaseState:
    """Do one thing to one case; 409 if it is no longer the one that was seen."""
    deed = what.deed(person, datetime.now(UTC))
    check_assignee(deed.assignee, person, known)
    return CaseState.of(stores.casework.act(alert_id, deed, what.version))


@router.post("/api/queue/act")
def act_on_many(what: ManyAlerts, stores: StoresDep, person: Analyst, known: ColleaguesDep) -> Outcomes:
    """Do the same to several cases; each for itself."""
    deed = what.deed(person, datetime.now(UTC))
    check_assignee(deed.assignee, person, known)
    found = stores.casework.act_on_all({one.alert_id: one.version for one in what.alerts}, deed)
    outcomes = [_outcome(one, outcome) for one, outcome in found.items()]
    done = sum(outcome.case is not None for outcome in outcomes)
    return Outcomes(done=done, failed=len(outcomes) - done, outcomes=outcomes)


def _outcome(alert_id: uuid.UUID, outcome: Case | CasesError) -> Outcome:
    if isinstance(outcome, CasesError):
        code = {CaseChanged: "changed", NoSuchAlert: "not_found"}.get(type(outcome), "refused")
        return Outcome(alert_id=alert_id, error=str(outcome), code=code)
    return Outcome(alert_id=alert_id, case=CaseState.of(outcome))
