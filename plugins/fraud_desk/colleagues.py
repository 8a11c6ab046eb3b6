"""Whom an alert may be assigned to: it would wait, without a deadline, for a name that nobody has."""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.configuration import conf
from fastapi import Depends

from include.cases.errors import ActionRefused
from plugins.fraud_desk.access import Person, Role

_SHOWN = 20


def colleagues() -> frozenset[str] | None:
    """Names of those who may work on cases; None where the auth manager does not list whom it knows."""
    manager = get_auth_manager()
    if not isinstance(manager, SimpleAuthManager) or conf.getboolean(
        "core", "simple_auth_manager_all_admins"
    ):
        return None
    people = (Person(user.get_name(), user) for user in manager.get_users())
    return frozenset(one.name for one in people if one.may(Role.ANALYST))


#: Parameter of routes.
ColleaguesDep = Annotated[frozenset[str] | None, Depends(colleagues)]


def check_assignee(name: str | None, person: Person, known: frozenset[str] | None) -> None:
    """Refuse to assign an alert to somebody who could not work on it.

    Raises
    ------
    ActionRefused
        ``name`` is neither the person who asks nor anybody known.
    """
    if name in (None, person.name) or known is None or name in known:
        return
    shown = ", ".join(sorted(known)[:_SHOWN]) + (
        f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    )
    raise ActionRefused(
        f"expected somebody who may work on alerts to assign it to ({shown}), got {name!r}; correct the name"
    )
