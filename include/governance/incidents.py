"""Incidents: what goes wrong without stopping anything, so that somebody learns of it all the same.

One file a key, ``incidents/<key>.json``. Raising the same again only moves ``last_seen``, and an incident never
stops what raised it: a lake that cannot be written to is logged.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from include.stores.lake.files import Lake

FOLDER = "incidents"
_UNFIT = re.compile(r"[^a-z0-9_.-]+")

log = logging.getLogger(__name__)


class Incident(BaseModel):
    """One thing that is, or was, wrong.

    Attributes
    ----------
    since, last_seen
        Of this time; an incident that was cleared and comes back begins anew.
    times
        How often it began.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    words: str
    detail: dict[str, Any]
    since: AwareDatetime
    last_seen: AwareDatetime
    cleared_at: AwareDatetime | None = None
    times: int = 1

    @property
    def is_open(self) -> bool:
        """Whether nobody has cleared it."""
        return self.cleared_at is None


def raise_incident(
    lake: Lake, key: str, words: str, detail: Mapping[str, Any] | None = None, at: datetime | None = None
) -> None:
    """Say that something is wrong; logged as an error when it is new.

    Parameters
    ----------
    key
        Names what is wrong, e.g. ``rule_book``; one incident a key.
    words
        What was expected, what came, what to do next.
    """
    now, key = at or datetime.now(UTC), _fit(key)
    try:
        before = _read(lake, key)
        going_on = before is not None and before.is_open
        incident = Incident(
            key=key,
            words=words,
            detail=dict(detail or {}),
            since=before.since if before and going_on else now,
            last_seen=now,
            times=before.times + (not going_on) if before else 1,
        )
        _write(lake, incident)
        if not going_on:
            log.error("incident %s: %s", key, words)
    except OSError as error:
        log.error("incident %s: %s (and it could not be written down: %s)", key, words, error)


def clear_incident(lake: Lake, key: str, at: datetime | None = None) -> None:
    """Say that it is over; of a key without an open incident nothing is changed."""
    key = _fit(key)
    try:
        before = _read(lake, key)
        if before is not None and before.is_open:
            _write(lake, before.model_copy(update={"cleared_at": at or datetime.now(UTC)}))
            log.info("incident %s is over", key)
    except OSError as error:
        log.error("incident %s is over (and that could not be written down: %s)", key, error)


def find_incident(lake: Lake, key: str) -> Incident | None:
    """The incident of a key, open or over; None if there never was one."""
    return _read(lake, _fit(key))


def open_incidents(lake: Lake) -> tuple[Incident, ...]:
    """Incidents nobody has cleared, the oldest first."""
    return tuple(sorted(filter(lambda one: one.is_open, _all(lake)), key=lambda one: one.since))


def recent_incidents(lake: Lake, since: datetime) -> tuple[Incident, ...]:
    """Open incidents, then those cleared at or after ``since``; each the oldest first."""
    found = [one for one in _all(lake) if one.cleared_at is None or one.cleared_at >= since]
    return tuple(sorted(found, key=lambda one: (not one.is_open, one.since)))


def delete_incidents(lake: Lake, before: datetime) -> int:
    """Delete incidents that were over before a moment (aware); returns how many."""
    past = [one for one in _all(lake) if one.cleared_at is not None and one.cleared_at < before]
    for one in past:
        lake.delete_file(f"{FOLDER}/{one.key}.json")
    return len(past)


def _all(lake: Lake) -> list[Incident]:
    keys = [name[:-5] for name in lake.names(FOLDER) if name.endswith(".json")]
    return [incident for key in keys if (incident := _read(lake, key)) is not None]


def _read(lake: Lake, key: str) -> Incident | None:
    try:
        return Incident.model_validate_json(lake.read_bytes(f"{FOLDER}/{key}.json"))
    except FileNotFoundError:
        return None
    except ValidationError:
        log.warning("the file of incident %s cannot be read and is written anew", key)
        return None


def _write(lake: Lake, incident: Incident) -> None:
    lake.write_bytes(f"{FOLDER}/{incident.key}.json", incident.model_dump_json(indent=1).encode())


def _fit(key: str) -> str:
    return _UNFIT.sub("-", key.lower()).strip("-") or "unnamed"
