"""Who may do what: three roles, read from the permissions any auth manager knows.

=========  ==================================================  ==========================
role       holds the permission to                             SimpleAuthManager
=========  ==================================================  ==========================
viewer     see the DAG ``raise_alerts``                        viewer and above
analyst    start runs of that DAG                              user and above
approver   write the variable ``fraud_desk``                   op and above
=========  ==================================================  ==========================

Everything of the desk hangs on :func:`reader` at the router (see ``app``); what changes something asks for
more. The session is Airflow's own: its cookie (HttpOnly, SameSite=Lax) or a bearer token.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import (
    DagAccessEntity,
    DagDetails,
    VariableDetails,
)
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
from airflow.configuration import conf
from airflow.models.dag import DagModel
from fastapi import Depends, HTTPException, Request
from fastapi.concurrency import run_in_threadpool

from include.settings import settings

DAG = "raise_alerts"
VARIABLE = "fraud_desk"


class Role(IntEnum):
    """What a person may do here; each role may do what the ones before it may."""

    VIEWER = 1  # read
    ANALYST = 2  # work on cases, suppress
    APPROVER = 3  # decide for others: rules, lists, models


class SignInNeeded(Exception):
    """Nobody is signed in, or the session is over."""


class NotAllowed(Exception):
    """The person may not do this.

    Parameters
    ----------
    needed
        The role that may.
    """

    def __init__(self, name: str, needed: Role) -> None:
        super().__init__(f"{name} is not {needed.name.lower()} of the fraud desk")
        self.name = name
        self.needed = needed


@dataclass(slots=True)
class Person:
    """Who asks; each permission is looked up once a request and only if somebody wants to know."""

    name: str
    user: Any = field(repr=False)
    _known: dict[Role, bool] = field(default_factory=dict, repr=False)

    def may(self, role: Role) -> bool:
        """Whether the person has a role."""
        if role not in self._known:
            self._known[role] = _CHECKS[role](self.user)
        return self._known[role]

    @property
    def is_analyst(self) -> bool:
        """May work on cases."""
        return self.may(Role.ANALYST)

    @property
    def is_approver(self) -> bool:
        """May decide for others."""
        return self.may(Role.APPROVER)

    @property
    def role(self) -> Role | None:
        """The highest role; None of somebody who may sign in and has no business here."""
        return max((role for role in Role if self.may(role)), default=None)


async def _signed_in(request: Request) -> Any:
    """Airflow's user, as Airflow itself finds out."""
    try:
        return await get_user(request, None, await bearer_scheme(request))
    except HTTPException as error:
        raise SignInNeeded from error


def reader(request: Request, user: Annotated[Any, Depends(_signed_in)]) -> Person:
    """The person who asks, at least a viewer.

    Raises
    ------
    SignInNeeded, NotAllowed
        See there.
    """
    person = Person(user.get_name(), user)
    request.state.person = person  # also for pages that tell of an error
    if not person.may(Role.VIEWER):
        raise NotAllowed(person.name, Role.VIEWER)
    return person


async def scraper(request: Request) -> None:
    """Who collects metrics: the bearer of the settings' ``metrics_token``, or whoever may read the desk.

    Raises
    ------
    SignInNeeded, NotAllowed
        See there.
    """
    wanted = settings().metrics_token.get_secret_value()
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    if wanted and scheme.lower() == "bearer" and hmac.compare_digest(shown.strip().encode(), wanted.encode()):
        return
    await who_asks(request)


async def who_asks(request: Request) -> Person:
    """As :func:`reader`, for what goes wrong before a route's dependencies are asked.

    Raises
    ------
    SignInNeeded, NotAllowed
        See there.
    """
    user = await _signed_in(request)
    return await run_in_threadpool(reader, request, user)


def _at_least(role: Role) -> Callable[[Person], Person]:
    def check(person: Annotated[Person, Depends(reader)]) -> Person:
        if not person.may(role):
            raise NotAllowed(person.name, role)
        return person

    return check


#: Parameters of routes: who asks, and what that person may at least do.
Viewer = Annotated[Person, Depends(reader)]
Analyst = Annotated[Person, Depends(_at_least(Role.ANALYST))]
Approver = Annotated[Person, Depends(_at_least(Role.APPROVER))]


def _may_read(user: Any) -> bool:
    return bool(get_auth_manager().is_authorized_dag(method="GET", details=_dag(), user=user))


def _may_work(user: Any) -> bool:
    return bool(
        get_auth_manager().is_authorized_dag(
            method="POST", access_entity=DagAccessEntity.RUN, details=_dag(), user=user
        )
    )


def _may_approve(user: Any) -> bool:
    details = VariableDetails(key=VARIABLE)
    return bool(get_auth_manager().is_authorized_variable(method="PUT", details=details, user=user))


def _dag() -> DagDetails:
    # Only with teams does the answer depend on whose DAG it is, and that is a question to the database.
    team = DagModel.get_team_name(DAG) if conf.getboolean("core", "multi_team") else None
    return DagDetails(id=DAG, team_name=team)


_CHECKS: dict[Role, Callable[[Any], bool]] = {
    Role.VIEWER: _may_read,
    Role.ANALYST: _may_work,
    Role.APPROVER: _may_approve,
}
