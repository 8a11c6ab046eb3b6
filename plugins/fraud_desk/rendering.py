"""Templates, and how the desk writes values: one way for every page."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from include.alerts.wording import amount_of, score_of, words_of
from plugins.fraud_desk.navigation import SECTIONS, Section

_LANGUAGE = "en"


def page(
    request: Request, template: str, *, section: str = "", status: int = 200, **values: Any
) -> HTMLResponse:
    """A page of the desk.

    Parameters
    ----------
    section
        Key of the navigation entry that is current.
    values
        For the template, which also knows ``root``, ``airflow``, ``person`` and ``sections``.
    """
    person = getattr(request.state, "person", None)
    root = request.scope.get("root_path", "")
    text = (
        templates()
        .get_template(template)
        .render(
            root=root,
            airflow=airflow_root(request),
            person=person,
            sections=_seen_by(person),
            section=section,
            path=route_of(request),
            **values,
        )
    )
    return HTMLResponse(text, status_code=status)


def route_of(request: Request) -> str:
    """The path below where the desk is mounted."""
    path: str = request.scope["path"]
    return path.removeprefix(request.scope.get("root_path", "")) or "/"


def airflow_root(request: Request) -> str:
    """Where Airflow itself is: empty, or the path its base URL has."""
    root: str = request.scope.get("root_path", "")
    return root.rpartition("/")[0]


def _seen_by(person: Any) -> tuple[Section, ...]:
    return tuple(one for one in SECTIONS if person is not None and person.may(one.role))


@cache
def templates() -> Environment:
    """The environment of every template: what is not marked safe is escaped, what is not defined fails."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "money": money,
        "number": number,
        "moment": moment,
        "iso": iso,
        "ago": ago,
        "age": age,
        "in_words": in_words,
        "score": score,
        "short": short,
        "urlencode_path": segment,
    }
    return environment


def money(amount: Decimal, currency: str = "") -> str:
    """An exact amount and its currency."""
    return amount_of(amount, currency, _LANGUAGE).strip()


def number(value: float | Decimal | None, digits: int = 0) -> str:
    """A number with its thousands grouped; a dash for what is not known."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    return f"{value:,.{digits}f}"


def moment(at: datetime | None) -> str:
    """A time in UTC, to the second."""
    return "–" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def iso(at: datetime) -> str:
    """A time for ``<time datetime>``."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def age(span: timedelta) -> str:
    """A span in its two largest units at most: ``45 s``, ``12 min``, ``3 h 20 min``, ``2 d 4 h``."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if hours == 0:
        return f"{minutes} min"
    if days == 0:
        return f"{hours} h {minutes % 60} min"
    return f"{days} d {hours % 24} h"


def ago(at: datetime) -> str:
    """How long ago something was."""
    return f"{age(datetime.now(UTC) - at)} ago"


def in_words(code: str) -> str:
    """A code in words: a typology, a status, an action."""
    words = words_of(code, _LANGUAGE)
    return words.lower() if words.isupper() else words


def score(value: float) -> str:
    """A probability in percent; in words when no model took part."""
    return score_of(value, _LANGUAGE)


def segment(text: str) -> str:
    """A text as one segment of a path."""
    return quote(text, safe="")


def short(text: str, length: int = 8) -> str:
    """The beginning of an id."""
    return text if len(text) <= length else f"{text[:length]}…"
